import type { WellKnownGroup } from './group.ts';

/** What turns names into addresses and keeps clocks right: without these nothing else works. */
export const naming: readonly WellKnownGroup[] = [
  {
    id: 'root-servers',
    reason: 'the root of the domain name system',
    vital: true,
    // root-servers.org; the second address of b is the one used until 2023, still answering.
    nets: [
      ...['198.41.0.4', '170.247.170.2', '199.9.14.201', '192.33.4.12', '199.7.91.13', '192.203.230.10', '192.5.5.241'],
      ...['192.112.36.4', '198.97.190.53', '192.36.148.17', '192.58.128.30', '193.0.14.129', '199.7.83.42', '202.12.27.33'],
      ...['2001:503:ba3e::2:30', '2801:1b8:10::b', '2001:500:2::c', '2001:500:2d::d', '2001:500:a8::e', '2001:500:2f::f'],
      ...['2001:500:12::d0d', '2001:500:1::53', '2001:7fe::53', '2001:503:c27::2:30', '2001:7fd::1', '2001:500:9f::42', '2001:dc3::35'],
    ],
    names: ['root-servers.net', 'gtld-servers.net', 'internic.net'],
  },
  {
    id: 'registries',
    reason: 'registries of names and numbers, on which all look-ups depend',
    names: [
      ...['iana.org', 'icann.org', 'ripe.net', 'arin.net', 'apnic.net', 'lacnic.net', 'afrinic.net', 'isc.org', 'verisign.com'],
      ...['nic.es', 'dominios.es', 'eurid.eu', 'centralnic.net', 'afilias-nst.org', 'nic.fr', 'denic.de', 'dns.pt'],
    ],
  },
  {
    id: 'public-resolvers',
    reason: 'a public resolver that whole networks depend on',
    nets: [
      ...['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844', '2001:4860:4860::64', '2001:4860:4860::6464'],
      ...['1.1.1.0/24', '1.0.0.0/24', '2606:4700:4700::/48'],
      ...['9.9.9.0/24', '149.112.112.0/24', '2620:fe::/48'],
      ...['208.67.222.0/24', '208.67.220.0/24', '146.112.41.0/24', '2620:119:35::/48', '2620:119:53::/48'],
      ...['94.140.14.0/24', '94.140.15.0/24', '2a10:50c0::/48'],
      ...['86.54.11.0/24', '2a13:1001::/48', '193.110.81.0/24', '185.253.5.0/24', '2a0f:fc80::/48', '2a0f:fc81::/48'],
      ...['185.228.168.0/24', '185.228.169.0/24', '45.90.28.0/24', '45.90.30.0/24', '76.76.2.0/24', '76.76.10.0/24'],
      ...['4.2.2.1', '4.2.2.2', '4.2.2.3', '4.2.2.4', '4.2.2.5', '4.2.2.6', '64.6.64.6', '64.6.65.6', '74.82.42.42', '2001:470:20::2'],
      ...['156.154.70.0/24', '156.154.71.0/24', '8.26.56.26', '8.20.247.20', '194.242.2.0/24', '84.200.69.80', '84.200.70.40'],
      ...['80.58.61.250', '80.58.61.254', '80.58.0.33', '62.36.225.150', '62.37.228.20', '212.166.132.104', '212.166.132.96'],
    ],
    names: [
      ...['dns.google', 'one.one.one.one', 'cloudflare-dns.com', 'quad9.net', 'opendns.com', 'adguard-dns.com', 'nextdns.io'],
      ...['joindns4.eu', 'dns0.eu', 'mullvad.net', 'cleanbrowsing.org', 'controld.com'],
    ],
  },
  {
    id: 'dns-hosting',
    reason: 'name servers of very many domains',
    names: [
      ...[
        'ns.cloudflare.com',
        'awsdns.com',
        'nsone.net',
        'ultradns.net',
        'ultradns.com',
        'dnsmadeeasy.com',
        'azure-dns.com',
        'azure-dns.net',
      ],
      ...['azure-dns.org', 'azure-dns.info', 'googledomains.com', 'domaincontrol.com', 'registrar-servers.com', 'ui-dns.com'],
      ...['ui-dns.es', 'servidoresdns.net', 'arsys.es', 'cdmon.net', 'piensasolutions.com'],
    ],
  },
  {
    id: 'time',
    reason: 'clocks of machines: certificates, logs and log-ins fail when they drift',
    nets: [
      ...['150.214.94.5', '150.214.94.10', '150.214.94.16', '193.145.15.15', '130.206.3.166', '216.239.35.0', '216.239.35.4'],
      ...['216.239.35.8', '216.239.35.12', '129.6.15.28', '129.6.15.29', '132.163.97.1', '162.159.200.1', '162.159.200.123'],
    ],
    names: [
      ...['ntp.org', 'time.windows.com', 'time.apple.com', 'time.google.com', 'time.android.com', 'time.cloudflare.com', 'time.nist.gov'],
      ...[
        'hora.roa.es',
        'minuto.roa.es',
        'hora.rediris.es',
        'ntp.ubuntu.com',
        'time.aws.com',
        'ntp.se',
        'ptbtime1.ptb.de',
        'ptbtime2.ptb.de',
      ],
    ],
  },
  {
    id: 'certificates',
    reason: 'revocation and issuing of certificates: web pages and log-ins stop being trusted',
    names: [
      ...[
        'digicert.com',
        'letsencrypt.org',
        'lencr.org',
        'sectigo.com',
        'comodoca.com',
        'usertrust.com',
        'globalsign.com',
        'globalsign.net',
      ],
      ...['pki.goog', 'amazontrust.com', 'entrust.net', 'identrust.com', 'godaddy.com', 'starfieldtech.com', 'buypass.com', 'buypass.no'],
      ...['quovadisglobal.com', 'swisssign.net', 'actalis.it', 'harica.gr', 'certum.pl', 'zerossl.com', 'ssl.com', 'thawte.com'],
      ...[
        'geotrust.com',
        'rapidssl.com',
        'symcb.com',
        'symcd.com',
        'verisign.net',
        'oneocsp.microsoft.com',
        'ocsp.msocsp.com',
        'ocsp.apple.com',
      ],
      ...[
        'crl.apple.com',
        'crl.microsoft.com',
        'ctldl.windowsupdate.com',
        'camerfirma.com',
        'firmaprofesional.com',
        'izenpe.com',
        'izenpe.eus',
      ],
      ...['accv.es', 'catcert.cat', 'aoc.cat', 'anf.es', 'ivnosys.com', 'uanataca.com', 'viafirma.com', 'esfirma.com'],
    ],
  },
];
