import type { WellKnownGroup } from './group.ts';

/** Networks that carry other people's mail and content: one address stands for thousands of sites. */
export const delivery: readonly WellKnownGroup[] = [
  {
    id: 'mail-senders',
    reason: 'outgoing mail of very many organisations',
    nets: [
      // https://support.google.com/a/answer/60764: _netblocks.google.com and what follows it
      ...['64.233.160.0/19', '66.102.0.0/20', '66.249.80.0/20', '72.14.192.0/18', '108.177.8.0/21', '209.85.128.0/17', '74.125.0.0/16'],
      ...['2a00:1450:4000::/36'],
    ],
    // Pages of these services on the records of senders
    names: [
      ...['sendgrid.net', 'mailgun.org', 'mailgun.net', 'amazonses.com', 'mcsv.net', 'mimecast.com', 'pphosted.com', 'messagelabs.com'],
    ],
  },
  {
    id: 'delivery-networks',
    reason: 'a delivery network that carries millions of other sites on the same addresses',
    nets: [
      // https://www.cloudflare.com/ips/
      ...['173.245.48.0/20', '103.21.244.0/22', '103.22.200.0/22', '103.31.4.0/22', '141.101.64.0/18', '108.162.192.0/18'],
      ...['190.93.240.0/20', '188.114.96.0/20', '197.234.240.0/22', '198.41.128.0/17', '162.158.0.0/15', '104.16.0.0/13'],
      ...['104.24.0.0/14', '172.64.0.0/13', '131.0.72.0/22', '2400:cb00::/32', '2606:4700::/32', '2803:f800::/32', '2405:b500::/32'],
      ...['2405:8100::/32', '2a06:98c0::/29', '2c0f:f248::/32'],
      // https://api.fastly.com/public-ip-list
      ...['23.235.32.0/20', '43.249.72.0/22', '103.244.50.0/24', '103.245.222.0/23', '103.245.224.0/24', '104.156.80.0/20'],
      ...['140.248.64.0/18', '140.248.128.0/17', '146.75.0.0/17', '151.101.0.0/16', '157.52.64.0/18', '167.82.0.0/17'],
      ...['167.82.128.0/20', '167.82.160.0/20', '167.82.224.0/20', '172.111.64.0/18', '185.31.16.0/22', '199.27.72.0/21'],
      ...['199.232.0.0/16', '2a04:4e40::/32', '2a04:4e42::/32'],
      // Akamai publishes none for its whole network: wide announcements of AS20940 and AS16625 at https://stat.ripe.net
      ...['2.16.0.0/13', '23.0.0.0/12', '23.32.0.0/11', '23.64.0.0/14', '23.72.0.0/13', '23.192.0.0/11', '69.192.0.0/16'],
      ...['72.246.0.0/15', '88.221.0.0/16', '92.122.0.0/15', '95.100.0.0/15', '96.6.0.0/15', '96.16.0.0/15', '104.64.0.0/10'],
      ...['172.224.0.0/12', '173.222.0.0/15', '184.24.0.0/13', '184.50.0.0/15', '184.84.0.0/14', '2600:1400::/24', '2a02:26f0::/29'],
      // https://ip-ranges.amazonaws.com/ip-ranges.json, CLOUDFRONT and ROUTE53; wide ones, not its edges within regions
      ...['3.160.0.0/13', '3.168.0.0/14', '3.172.0.0/17', '3.173.0.0/16', '3.174.0.0/15', '13.32.0.0/15', '13.35.0.0/16'],
      ...['13.224.0.0/14', '13.249.0.0/16', '15.158.0.0/16', '18.64.0.0/14', '18.68.0.0/16', '18.154.0.0/15', '18.160.0.0/15'],
      ...['18.164.0.0/15', '18.172.0.0/15', '18.238.0.0/15', '18.244.0.0/15', '52.46.0.0/18', '52.84.0.0/15', '52.124.128.0/17'],
      ...['52.222.128.0/17', '54.182.0.0/16', '54.192.0.0/16', '54.230.0.0/16', '54.239.128.0/18', '54.239.192.0/19'],
      ...['54.240.128.0/18', '64.252.64.0/18', '64.252.128.0/18', '65.8.0.0/16', '65.9.0.0/17', '65.9.128.0/18', '70.132.0.0/18'],
      ...['71.152.0.0/17', '99.84.0.0/16', '99.86.0.0/16', '108.138.0.0/15', '108.156.0.0/14', '130.176.0.0/17', '130.176.128.0/18'],
      ...['130.176.192.0/19', '130.176.224.0/20', '143.204.0.0/16', '144.220.0.0/16', '204.246.164.0/22', '204.246.168.0/21'],
      ...['204.246.176.0/20', '205.251.192.0/19', '216.137.32.0/19', '2600:9000::/28'],
      // https://www.gstatic.com/ipranges/goog.json without what https://www.gstatic.com/ipranges/cloud.json lets out
      ...['64.233.160.0/19', '66.102.0.0/20', '66.249.64.0/19', '72.14.192.0/18', '74.125.0.0/16', '108.177.0.0/17', '142.250.0.0/15'],
      ...['172.217.0.0/16', '172.253.0.0/16', '173.194.0.0/16', '192.178.0.0/15', '209.85.128.0/17', '216.58.192.0/19'],
      ...['216.239.32.0/19', '2001:4860::/32', '2404:6800::/32', '2607:f8b0::/32', '2a00:1450::/32'],
      // https://www.microsoft.com/download/details.aspx?id=56519: AzureFrontDoor
      ...['13.107.21.200', '13.107.64.0/18', '13.107.213.0/24', '13.107.246.0/24', '204.79.197.200', '2620:1ec::/36'],
      // https://support.apple.com/101555
      ...['17.0.0.0/8', '2403:300::/32', '2620:149::/32', '2a01:b740::/32'],
      // https://docs.imperva.com/howto/c85245b7. Bunny and the former Edgio stay out: their addresses change owners.
      ...['199.83.128.0/21', '198.143.32.0/19', '149.126.72.0/21', '103.28.248.0/22', '45.60.0.0/16', '45.64.64.0/22', '45.223.0.0/16'],
      ...['107.154.0.0/16', '131.125.128.0/17', '185.11.124.0/22', '192.230.64.0/18', '2a02:e980::/29'],
      // https://developers.facebook.com/docs/sharing/webmasters/web-crawlers: what AS32934 announces
      ...['31.13.24.0/21', '31.13.64.0/18', '57.144.0.0/14', '66.220.144.0/20', '69.63.176.0/20', '69.171.224.0/19', '74.119.76.0/22'],
      ...['102.132.96.0/20', '103.4.96.0/22', '129.134.0.0/16', '157.240.0.0/16', '163.70.128.0/17', '173.252.64.0/18'],
      ...['179.60.192.0/22', '185.60.216.0/22', '185.89.216.0/22', '204.15.20.0/22', '2a03:2880::/32'],
    ],
    // Pages of these networks on the names that customers point at. Names of StackPath and Edgio, which have ended, stay out.
    names: [
      ...['cloudflare.com', 'cloudflare.net', 'cloudflaressl.com', 'cdn.cloudflare.net', 'fastly.net', 'fastly.com', 'fastlylb.net'],
      ...['akamai.com', 'akamai.net', 'akamaiedge.net', 'akamaized.net', 'akamaihd.net', 'akadns.net', 'edgekey.net', 'edgesuite.net'],
      ...['akam.net', 'akagtm.org', 'cloudfront.net', 'azureedge.net', 'azurefd.net', 'trafficmanager.net', 'azure.net', 'msecnd.net'],
      ...['aspnetcdn.com', 'incapdns.net', 'impervadns.net', 'cdn77.org', 'b-cdn.net', 'bootstrapcdn.com', 'transparentcdn.com'],
      ...['fastly-edge.com', 'a-msedge.net', 'ax-msedge.net', 's-msedge.net', 'tm-azurefd.net', 'akadns6.net', 'phicdn.net'],
    ],
  },
  {
    id: 'shared-hosting',
    reason: 'a service that carries the content of very many customers under one name',
    shared: true,
    nets: [
      // https://api.github.com/meta
      ...['140.82.112.0/20', '143.55.64.0/20', '185.199.108.0/22', '192.30.252.0/22', '2a0a:a440::/29', '2606:50c0:8000::/46'],
      // https://core.telegram.org/resources/cidr.txt
      ...['91.105.192.0/23', '91.108.4.0/22', '91.108.8.0/22', '91.108.12.0/22', '91.108.16.0/22', '91.108.20.0/22', '91.108.56.0/22'],
      ...['149.154.160.0/20', '185.76.151.0/24', '2001:67c:4e8::/48', '2001:b28:f23c::/47', '2001:b28:f23f::/48', '2a0a:f280::/32'],
    ],
    // Sites of these services; which are misused most: https://lots-project.com
    names: [
      ...['github.com', 'github.io', 'githubusercontent.com', 'raw.githubusercontent.com', 'objects.githubusercontent.com'],
      ...['gist.githubusercontent.com', 'githubassets.com', 'gitlab.com', 'gitlab.io', 'bitbucket.org', 'codeberg.org'],
      ...['sourceforge.net', 'amazonaws.com', 'aws.amazon.com', 'amazon.com', 'amazon.es', 'blob.core.windows.net'],
      ...['cloudapp.azure.com', 'azurewebsites.net', 'storage.googleapis.com', 'firebaseapp.com', 'web.app', 'appspot.com'],
      ...['drive.google.com', 'docs.google.com', 'sites.google.com', 'googleusercontent.com', 'forms.gle', 'script.google.com'],
      ...['drive.usercontent.google.com', 'sharepoint.com', 'onedrive.live.com', '1drv.ms', '1drv.com', 'forms.office.com'],
      ...['dropbox.com', 'dropboxusercontent.com', 'box.com', 'mega.nz', 'mediafire.com', 'wetransfer.com', 'we.tl', 'pastebin.com'],
      ...['discord.com', 'discordapp.com', 'discordapp.net', 'telegram.org', 't.me', 'notion.so', 'trello.com', 'canva.com', 'bit.ly'],
      ...['tinyurl.com', 't.co', 'is.gd', 'goo.gl', 'ow.ly', 'lnkd.in', 'youtu.be', 'wp.com', 'wordpress.com', 'blogspot.com'],
      ...['blogger.com', 'wixsite.com', 'wix.com', 'weebly.com', 'squarespace.com', 'shopify.com', 'myshopify.com', 'webflow.io'],
      ...['netlify.app', 'vercel.app', 'pages.dev', 'workers.dev', 'r2.dev', 'trycloudflare.com', 'herokuapp.com', 'onrender.com'],
      ...['ngrok.io', 'ngrok-free.app', 'digitaloceanspaces.com', 'backblazeb2.com', 'archive.org', 'medium.com', 'reddit.com'],
      ...['imgur.com', 'ipfs.io', 'steamcommunity.com'],
    ],
  },
];
