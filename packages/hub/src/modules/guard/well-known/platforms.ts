import type { WellKnownGroup } from './group.ts';

/** Systems, identity and collaboration that almost every organisation uses every minute. */
export const platforms: readonly WellKnownGroup[] = [
  {
    id: 'updates',
    reason: 'updates of operating systems and browsers: machines would stay vulnerable',
    // https://learn.microsoft.com/windows/privacy/manage-windows-11-endpoints, https://support.apple.com/101555, other makers
    names: [
      ...['windowsupdate.com', 'update.microsoft.com', 'delivery.mp.microsoft.com', 'dl.delivery.mp.microsoft.com'],
      ...['download.microsoft.com', 'swcdn.apple.com', 'swscan.apple.com', 'mesu.apple.com', 'gdmf.apple.com', 'updates.cdn-apple.com'],
      ...['cdn-apple.com', 'dl.google.com', 'update.googleapis.com', 'clients2.google.com', 'edgedl.me.gvt1.com', 'gvt1.com'],
      ...['gvt2.com', 'play.googleapis.com', 'mozilla.org', 'mozilla.net', 'mozilla.com', 'firefox.com', 'msedge.net', 'ubuntu.com'],
      ...['canonical.com', 'launchpad.net', 'debian.org', 'redhat.com', 'fedoraproject.org', 'centos.org', 'rockylinux.org'],
      ...['almalinux.org', 'suse.com', 'opensuse.org', 'archlinux.org', 'alpinelinux.org', 'kernel.org', 'freebsd.org', 'openbsd.org'],
      ...['oracle.com', 'vmware.com', 'broadcom.com', 'cisco.com', 'fortinet.com', 'fortiguard.com', 'paloaltonetworks.com'],
      ...['checkpoint.com', 'sophos.com', 'juniper.net', 'f5.com', 'adobe.com', 'java.com', 'hp.com', 'dell.com', 'lenovo.com'],
      ...['intel.com', 'nvidia.com', 'synology.com', 'qnap.com', 'tlu.dl.delivery.mp.microsoft.com', 'visualstudio.com'],
      ...['mikrotik.com', 'ui.com'],
    ],
  },
  {
    id: 'security-vendors',
    reason: 'updates of protection programs: defences would go blind',
    // https://learn.microsoft.com/defender-endpoint/configure-environment, sites of the other makers
    names: [
      ...['wdcp.microsoft.com', 'wd.microsoft.com', 'smartscreen.microsoft.com', 'securitycenter.windows.com', 'virustotal.com'],
      ...['crowdstrike.com', 'cloudsink.net', 'sentinelone.net', 'trendmicro.com', 'kaspersky.com', 'eset.com', 'bitdefender.com'],
      ...['bitdefender.net', 'avast.com', 'avg.com', 'malwarebytes.com', 'mcafee.com', 'trellix.com', 'symantec.com'],
      ...['pandasecurity.com', 'withsecure.com', 'f-secure.com', 'clamav.net', 'spamhaus.org', 'abuse.ch', 'shadowserver.org'],
      ...['misp-project.org', 'crowdsec.net', 'mitre.org', 'first.org', 'safebrowsing.googleapis.com', 'safebrowsing.google.com'],
      ...['qualys.com', 'tenable.com', 'rapid7.com', 'elastic.co', 'splunk.com'],
    ],
  },
  {
    id: 'packages',
    reason: 'package registries: programs could not be built or repaired',
    // Sites of the registries and projects
    names: [
      ...['npmjs.org', 'npmjs.com', 'pypi.org', 'pythonhosted.org', 'crates.io', 'rust-lang.org', 'rubygems.org', 'packagist.org'],
      ...['nuget.org', 'maven.org', 'apache.org', 'golang.org', 'go.dev', 'docker.com', 'docker.io', 'quay.io', 'ghcr.io', 'k8s.io'],
      ...['python.org', 'nodejs.org', 'chocolatey.org', 'gnu.org', 'cpan.org', 'r-project.org', 'jsdelivr.net', 'unpkg.com'],
      ...['cdnjs.com', 'jquery.com'],
    ],
  },
  {
    id: 'identity',
    reason: 'log-in of very many organisations',
    nets: [
      // https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges (with its web service)
      ...['20.20.32.0/19', '20.190.128.0/18', '20.231.128.0/19', '40.126.0.0/18', '2603:1006:2000::/48', '2603:1007:200::/48'],
      ...['2603:1016:1400::/48', '2603:1017::/48', '2603:1026:3000::/48', '2603:1027::/47', '2603:1036:3000::/48', '2603:1037::/47'],
      ...['2603:1046:2000::/48', '2603:1047::/47', '2603:1056:2000::/48', '2603:1057::/48', '2603:1057:2::/48'],
    ],
    // The same page; https://help.okta.com and the other makers' pages on what to allow
    names: [
      ...['login.microsoftonline.com', 'microsoftonline.com', 'login.live.com', 'login.windows.net', 'msauth.net', 'msftauth.net'],
      ...['microsoftazuread-sso.com', 'accounts.google.com', 'oauth2.googleapis.com', 'appleid.apple.com', 'idmsa.apple.com'],
      ...['okta.com', 'oktacdn.com', 'auth0.com', 'onelogin.com', 'pingidentity.com', 'pingone.com', 'duosecurity.com', 'duo.com'],
      ...['rsa.com', 'cyberark.cloud', 'jumpcloud.com', 'msauthimages.net', 'msftauthimages.net', 'msftidentity.com', 'msidentity.com'],
      ...['microsoftonline-p.com', 'microsoftonline-p.net', 'phonefactor.net', 'adobelogin.com'],
    ],
  },
  {
    id: 'collaboration',
    reason: 'mail, documents and meetings of very many organisations',
    nets: [
      // https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges: Exchange, SharePoint and Teams.
      // 2620:1ec::/36 stands with the front doors.
      ...['13.107.6.152/31', '13.107.6.171', '13.107.6.192', '13.107.9.192', '13.107.18.10/31', '13.107.18.15', '13.107.128.0/22'],
      ...['13.107.136.0/22', '13.107.140.6', '23.103.160.0/20', '40.92.0.0/15', '40.96.0.0/13', '40.104.0.0/15', '40.107.0.0/16'],
      ...['40.108.128.0/17', '52.96.0.0/12', '52.112.0.0/14', '52.122.0.0/15', '52.238.78.88', '52.244.37.168', '104.47.0.0/17'],
      ...['104.146.128.0/17', '131.253.33.215', '132.245.0.0/16', '150.171.32.0/22', '150.171.40.0/22', '204.79.197.215'],
      ...['2603:1006::/40', '2603:1006:1400::/40', '2603:1016::/36', '2603:1016:2400::/40', '2603:1026::/36', '2603:1026:2400::/40'],
      ...['2603:1036::/36', '2603:1036:2400::/40', '2603:1046::/36', '2603:1046:1400::/40', '2603:1056::/36', '2603:1056:1400::/40'],
      ...['2603:1061:1300::/40', '2603:1063::/38', '2603:1063:2000::/38', '2603:1063:6000::/35', '2a01:111:f400::/48'],
      ...['2a01:111:f402::/47'],
      // https://support.zoom.com/hc/article?id=zm_kb&sysparm_article=KB0060548, without what it rents from clouds
      ...['144.195.0.0/16', '147.124.96.0/19', '159.124.0.0/16', '162.255.36.0/22', '166.108.64.0/18', '170.114.0.0/16'],
      ...['173.231.80.0/20', '198.251.128.0/17', '206.247.0.0/16'],
      // https://help.webex.com/article/WBX000028782
      ...['62.109.192.0/18', '64.68.96.0/19', '66.114.160.0/20', '66.163.32.0/19', '69.26.160.0/19', '144.196.0.0/16'],
      ...['150.253.128.0/17', '170.72.0.0/16', '170.133.128.0/18', '173.243.0.0/20', '207.182.160.0/19'],
    ],
    // The same pages for Microsoft, Zoom and Webex; sites of the others
    names: [
      ...['outlook.com', 'outlook.office.com', 'outlook.office365.com', 'office.com', 'office365.com', 'office.net'],
      ...['microsoft365.com', 'microsoft.com', 'cloud.microsoft', 'live.com', 'hotmail.com', 'msn.com', 'bing.com', 'skype.com'],
      ...['teams.microsoft.com', 'mail.protection.outlook.com', 'windows.com', 'windows.net', 'azure.com', 'microsoft.net', 'aka.ms'],
      ...['google.com', 'google.es', 'gmail.com', 'googlemail.com', 'googleapis.com', 'gstatic.com', 'ggpht.com', 'youtube.com'],
      ...['ytimg.com', 'googlevideo.com', 'google-analytics.com', 'googletagmanager.com', 'recaptcha.net', 'apple.com', 'icloud.com'],
      ...['me.com', 'mac.com', 'aaplimg.com', 'mzstatic.com', 'zoom.us', 'webex.com', 'slack.com', 'atlassian.com', 'atlassian.net'],
      ...['salesforce.com', 'force.com', 'sap.com', 'servicenow.com', 'service-now.com', 'workday.com', 'zendesk.com', 'proton.me'],
      ...['protonmail.com', 'yahoo.com', 'gmx.com', 'gmx.es', 'zoho.com', 'matrix.org', 'element.io', 'signal.org', 'whatsapp.com'],
      ...['whatsapp.net', 'facebook.com', 'fbcdn.net', 'instagram.com', 'linkedin.com', 'licdn.com', 'x.com', 'twitter.com'],
      ...['twimg.com', 'wikipedia.org', 'wikimedia.org', 'paypal.com', 'visa.com', 'mastercard.com', 'static.microsoft'],
      ...['usercontent.microsoft', 'sharepointonline.com', 'onenote.com', 'onenote.net', 'onedrive.com', 'lync.com', 'svc.ms'],
      ...['sfx.ms', 'msocdn.com', 'live.net', 'skypeassets.com', 'yammer.com', 'bing.net', 'facebook.net', 'cdninstagram.com'],
      ...['icloud-content.com', 'apple-dns.net', 'media-amazon.com'],
    ],
  },
  {
    id: 'connectivity-checks',
    reason: 'how devices find out that they are online: they would drop a working network',
    // https://support.apple.com/101555; defaults in Windows (NCSI), Android, Firefox and NetworkManager
    names: [
      ...['msftconnecttest.com', 'msftncsi.com', 'captive.apple.com', 'connectivitycheck.gstatic.com', 'connectivitycheck.android.com'],
      ...['detectportal.firefox.com', 'nmcheck.gnome.org', 'connectivity-check.ubuntu.com', 'push.apple.com', 'fcm.googleapis.com'],
      ...['mtalk.google.com'],
    ],
  },
];
