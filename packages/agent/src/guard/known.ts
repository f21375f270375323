/**
 * A short list of what no member wants blocked whatever a hub says: public resolvers, the root of the DNS, and names on which updates, time,
 * certificates and signing in depend. The hub knows far more; this is the net below it, made by hand and small enough to be read.
 */
export const knownAddresses = [
  // Public resolvers.
  ...['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844'],
  ...['1.1.1.1', '1.0.0.1', '2606:4700:4700::1111', '2606:4700:4700::1001'],
  ...['9.9.9.9', '149.112.112.112', '2620:fe::fe', '2620:fe::9'],
  ...['208.67.222.222', '208.67.220.220', '2620:119:35::35', '2620:119:53::53'],
  ...['86.54.11.1', '86.54.11.201', '94.140.14.14', '94.140.15.15', '76.76.2.0', '76.76.10.0', '185.228.168.9'],
  // Root servers, a to m.
  ...['198.41.0.4', '170.247.170.2', '192.33.4.12', '199.7.91.13', '192.203.230.10', '192.5.5.241', '192.112.36.4'],
  ...['198.97.190.53', '192.36.148.17', '192.58.128.30', '193.0.14.129', '199.7.83.42', '202.12.27.33'],
  ...['2001:503:ba3e::2:30', '2801:1b8:10::b', '2001:500:2::c', '2001:500:2d::d', '2001:500:a8::e', '2001:500:2f::f', '2001:500:12::d0d'],
  ...['2001:500:1::53', '2001:7fe::53', '2001:503:c27::2:30', '2001:7fd::1', '2001:500:9f::42', '2001:dc3::35'],
  // Time.
  ...['216.239.35.0', '216.239.35.4', '216.239.35.8', '216.239.35.12', '162.159.200.1', '162.159.200.123'],
] as const;

/** These and their parents are refused; names below them are judged by the hub, since anybody may own one under some of them. */
export const knownDomains = [
  ...['google.com', 'googleapis.com', 'gstatic.com', 'youtube.com', 'gmail.com', 'android.com', 'accounts.google.com', 'time.google.com'],
  ...[
    'microsoft.com',
    'windows.com',
    'windowsupdate.com',
    'update.microsoft.com',
    'live.com',
    'office.com',
    'office365.com',
    'outlook.com',
  ],
  ...['login.microsoftonline.com', 'microsoftonline.com', 'windows.net', 'azure.com', 'sharepoint.com', 'time.windows.com', 'msftncsi.com'],
  ...[
    'apple.com',
    'icloud.com',
    'amazon.com',
    'amazonaws.com',
    'cloudfront.net',
    'cloudflare.com',
    'akamai.net',
    'akamaiedge.net',
    'fastly.net',
  ],
  ...['github.com', 'githubusercontent.com', 'gitlab.com', 'debian.org', 'ubuntu.com', 'canonical.com', 'redhat.com', 'fedoraproject.org'],
  ...[
    'suse.com',
    'kernel.org',
    'npmjs.org',
    'pypi.org',
    'docker.io',
    'docker.com',
    'mozilla.org',
    'mozilla.com',
    'firefox.com',
    'wikipedia.org',
  ],
  ...[
    'letsencrypt.org',
    'lencr.org',
    'digicert.com',
    'globalsign.com',
    'sectigo.com',
    'entrust.net',
    'pki.goog',
    'fnmt.es',
    'cert.fnmt.es',
  ],
  ...['facebook.com', 'whatsapp.com', 'whatsapp.net', 'instagram.com', 'linkedin.com', 'x.com', 'twitter.com', 'zoom.us', 'slack.com'],
  ...['pool.ntp.org', 'ntp.org', 'root-servers.net', 'iana.org', 'icann.org', 'ripe.net', 'nic.es', 'dominios.es', 'rediris.es'],
  ...[
    'administracion.gob.es',
    'clave.gob.es',
    'agenciatributaria.gob.es',
    'seg-social.es',
    'boe.es',
    'cni.es',
    'ccn-cert.cni.es',
    'incibe.es',
  ],
  ...[
    'virustotal.com',
    'sophos.com',
    'eset.com',
    'kaspersky.com',
    'crowdstrike.com',
    'paloaltonetworks.com',
    'fortinet.com',
    'fortiguard.com',
  ],
] as const;

/** Names under which anybody registers or rents: to block one is to block everybody there. */
export const knownSuffixes = [
  ...[
    'com.es',
    'org.es',
    'nom.es',
    'gob.es',
    'edu.es',
    'co.uk',
    'org.uk',
    'gov.uk',
    'ac.uk',
    'com.br',
    'com.ar',
    'com.mx',
    'com.co',
    'com.au',
  ],
  ...['co.jp', 'co.kr', 'co.in', 'com.cn', 'com.tr', 'gouv.fr', 'asso.fr', 'gov.it', 'edu.it', 'gov.pt', 'com.pt', 'europa.eu', 'eu.org'],
  ...['github.io', 'gitlab.io', 'blogspot.com', 'wordpress.com', 'herokuapp.com', 'netlify.app', 'vercel.app', 'pages.dev', 'workers.dev'],
  ...['web.app', 'firebaseapp.com', 'appspot.com', 'azurewebsites.net', 'cloudapp.net', 'blob.core.windows.net', 's3.amazonaws.com'],
  ...['duckdns.org', 'no-ip.org', 'ddns.net', 'dyndns.org', 'r2.dev', 'ngrok.io', 'ngrok-free.app', 'trycloudflare.com', 'wixsite.com'],
] as const;
