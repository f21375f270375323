import type { WellKnownGroup } from './group.ts';

/** What turns names into addresses and keeps clocks right: without these nothing else works. */
export const naming: readonly WellKnownGroup[] = [
  {
    id: 'root-servers',
    reason: 'the root of the domain name system',
    vital: true,
    nets: [
      // https://www.iana.org/domains/root/servers; the second addresses of b, in use until 2023, still answer.
      ...['198.41.0.4', '170.247.170.2', '199.9.14.201', '192.33.4.12', '199.7.91.13', '192.203.230.10', '192.5.5.241', '192.112.36.4'],
      ...['198.97.190.53', '192.36.148.17', '192.58.128.30', '193.0.14.129', '199.7.83.42', '202.12.27.33', '2001:503:ba3e::2:30'],
      ...['2801:1b8:10::b', '2001:500:200::b', '2001:500:2::c', '2001:500:2d::d', '2001:500:a8::e', '2001:500:2f::f'],
      ...['2001:500:12::d0d', '2001:500:1::53', '2001:7fe::53', '2001:503:c27::2:30', '2001:7fd::1', '2001:500:9f::42', '2001:dc3::35'],
    ],
    // https://www.iana.org/domains/root/servers and https://www.iana.org/domains/root/db/com.html
    names: [...['root-servers.net', 'gtld-servers.net', 'internic.net']],
  },
  {
    id: 'registries',
    reason: 'registries of names and numbers, on which all look-ups depend',
    // https://www.iana.org/numbers and https://www.iana.org/domains/root/db
    names: [
      ...['iana.org', 'icann.org', 'ripe.net', 'arin.net', 'apnic.net', 'lacnic.net', 'afrinic.net', 'isc.org', 'verisign.com'],
      ...['nic.es', 'dominios.es', 'eurid.eu', 'centralnic.net', 'afilias-nst.org', 'nic.fr', 'denic.de', 'dns.pt'],
    ],
  },
  {
    id: 'public-resolvers',
    reason: 'a public resolver that whole networks depend on',
    nets: [
      // https://developers.google.com/speed/public-dns/docs/using and …/dns64
      ...['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844', '2001:4860:4860::64', '2001:4860:4860::6464'],
      // https://developers.cloudflare.com/1.1.1.1/ip-addresses/
      ...['1.1.1.0/24', '1.0.0.0/24', '2606:4700:4700::/48'],
      // https://quad9.net/service/service-addresses-and-features/
      ...['9.9.9.0/24', '149.112.112.0/24', '2620:fe::/48'],
      // https://www.opendns.com/setupguide/ (Cisco Umbrella)
      ...[
        '208.67.222.0/24',
        '208.67.220.0/24',
        '146.112.41.0/24',
        '2620:0:ccc::2',
        '2620:0:ccd::2',
        '2620:119:35::/48',
        '2620:119:53::/48',
      ],
      // https://adguard-dns.io/en/public-dns.html
      ...['94.140.14.0/24', '94.140.15.0/24', '2a10:50c0::/48'],
      // https://www.joindns4.eu/for-public, of the European Union. dns0.eu ended in October 2025.
      ...['86.54.11.0/24', '2a13:1001::/48'],
      // https://cleanbrowsing.org/filters/
      ...['185.228.168.0/24', '185.228.169.0/24', '2a0d:2a00:1::/48', '2a0d:2a00:2::/48'],
      // https://nextdns.io
      ...['45.90.28.0/24', '45.90.30.0/24', '2a07:a8c0::/48', '2a07:a8c1::/48'],
      // https://controld.com/free-dns
      ...['76.76.2.0/24', '76.76.10.0/24', '2606:1a40::/47'],
      // https://mullvad.net/en/help/dns-over-https-and-dns-over-tls
      ...['194.242.2.0/24', '2a07:e340::/48'],
      // Level 3 (Lumen), never published, in countless configurations.
      ...['4.2.2.1', '4.2.2.2', '4.2.2.3', '4.2.2.4', '4.2.2.5', '4.2.2.6'],
      // UltraDNS Public (https://ultradns.com), with the former addresses of Verisign
      ...['64.6.64.6', '64.6.65.6', '156.154.70.0/24', '156.154.71.0/24'],
      // https://dns.he.net, https://www.comodo.com/secure-dns/, https://dns.watch
      ...['74.82.42.42', '2001:470:20::2', '8.26.56.26', '8.20.247.20', '84.200.69.80', '84.200.70.40'],
      // https://www.nic.cz/odvr/, https://www.fdn.fr/actions/dns/, https://dns.sb
      ...['193.17.47.1', '185.43.135.1', '80.67.169.12', '80.67.169.40', '185.222.222.222', '45.11.45.11'],
      // https://dns.yandex.com, https://www.alidns.com, https://www.114dns.com: fixed in many devices.
      ...['77.88.8.8', '77.88.8.1', '223.5.5.5', '223.6.6.6', '114.114.114.114'],
      // Movistar, Orange, Jazztel, Vodafone: what their lines are given, as configurations show; no page of theirs lists them.
      ...['80.58.61.250', '80.58.61.254', '80.58.0.33', '62.36.225.150', '62.37.228.20', '87.216.1.65', '87.216.1.66'],
      ...['212.166.132.104', '212.166.132.110', '212.166.132.96'],
    ],
    // The pages named above.
    names: [
      ...['dns.google', 'one.one.one.one', 'cloudflare-dns.com', 'quad9.net', 'opendns.com', 'adguard-dns.com', 'nextdns.io'],
      ...['joindns4.eu', 'mullvad.net', 'cleanbrowsing.org', 'controld.com', 'adguard-dns.io'],
    ],
  },
  {
    id: 'dns-hosting',
    reason: 'name servers of very many domains',
    // https://developers.cloudflare.com/dns/nameservers/, https://learn.microsoft.com/azure/dns/, pages of the registrars
    names: [
      ...['ns.cloudflare.com', 'nsone.net', 'ultradns.net', 'ultradns.com', 'dnsmadeeasy.com', 'azure-dns.com', 'azure-dns.net'],
      ...['azure-dns.org', 'azure-dns.info', 'googledomains.com', 'domaincontrol.com', 'registrar-servers.com', 'ui-dns.com'],
      ...['ui-dns.es', 'servidoresdns.net', 'arsys.es', 'cdmon.net', 'piensasolutions.com'],
      // https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html: names are awsdns-00 to awsdns-63 in four domains.
      ...Array.from({ length: 64 }, (_none, n) => `awsdns-${String(n).padStart(2, '0')}`).flatMap((name) => [
        `${name}.com`,
        `${name}.net`,
        `${name}.org`,
        `${name}.co.uk`,
      ]),
    ],
  },
  {
    id: 'time',
    reason: 'clocks of machines: certificates, logs and log-ins fail when they drift',
    nets: [
      // https://armada.defensa.gob.es (Real Observatorio): hora and minuto; https://www.rediris.es: hora and cuco; RedIMadrid
      ...['150.214.94.5', '150.214.94.10', '130.206.3.166', '130.206.0.1', '193.145.15.15'],
      // https://developers.google.com/time/guides
      ...['216.239.35.0', '216.239.35.4', '216.239.35.8', '216.239.35.12'],
      // https://tf.nist.gov/tf-cgi/servers.cgi
      ...['129.6.15.28', '129.6.15.29', '132.163.97.1'],
      // https://developers.cloudflare.com/time-services/ntp/
      ...['162.159.200.1', '162.159.200.123'],
    ],
    // The pages named above; https://www.ntppool.org, https://www.ptb.de and the makers of operating systems
    names: [
      ...['ntp.org', 'time.windows.com', 'time.apple.com', 'time.google.com', 'time.android.com', 'time.cloudflare.com'],
      ...['time.nist.gov', 'hora.roa.es', 'minuto.roa.es', 'hora.rediris.es', 'ntp.ubuntu.com', 'time.aws.com', 'ntp.se'],
      ...['ptbtime1.ptb.de', 'ptbtime2.ptb.de', 'cuco.rediris.es', 'ntp.redimadrid.es', 'ptbtime3.ptb.de', 'ptbtime4.ptb.de'],
    ],
  },
  {
    id: 'certificates',
    reason: 'revocation and issuing of certificates: web pages and log-ins stop being trusted',
    // https://www.ccadb.org/resources and https://eidas.ec.europa.eu/efda/trust-services: hosts of the authorities there
    names: [
      ...['digicert.com', 'letsencrypt.org', 'lencr.org', 'sectigo.com', 'comodoca.com', 'usertrust.com', 'globalsign.com'],
      ...['globalsign.net', 'pki.goog', 'amazontrust.com', 'entrust.net', 'identrust.com', 'godaddy.com', 'starfieldtech.com'],
      ...['buypass.com', 'buypass.no', 'quovadisglobal.com', 'swisssign.net', 'actalis.it', 'harica.gr', 'certum.pl', 'zerossl.com'],
      ...['ssl.com', 'thawte.com', 'geotrust.com', 'rapidssl.com', 'symcb.com', 'symcd.com', 'verisign.net', 'oneocsp.microsoft.com'],
      ...['ocsp.msocsp.com', 'ocsp.apple.com', 'crl.apple.com', 'crl.microsoft.com', 'ctldl.windowsupdate.com', 'camerfirma.com'],
      ...['firmaprofesional.com', 'izenpe.com', 'izenpe.eus', 'accv.es', 'catcert.cat', 'aoc.cat', 'anf.es', 'ivnosys.com'],
      ...['uanataca.com', 'viafirma.com', 'esfirma.com', 'd-trust.net', 'telesec.de', 'disig.sk', 'netlock.hu', 'e-szigno.hu'],
      ...['certsign.ro', 'pkioverheid.nl', 'digitalsign.pt', 'multicert.com', 'certigna.com', 'certigna.fr', 'swisssign.ch'],
      ...['trust-provider.com', 'ss2.us', 'ocsp-certum.com', 'public-trust.com', 'omniroot.com', 'digicert-validation.com'],
      ...['certainly.com'],
    ],
  },
];
