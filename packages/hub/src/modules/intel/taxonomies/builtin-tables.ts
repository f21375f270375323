/**
 * The taxonomies that the hub knows by itself, as rows: tag after the namespace, Spanish, English, colour, grade. Labels are in our own words.
 * Levels and names: FIRST TLP 2.0; PAP; the Admiralty code (NATO); RSIT 1003 (ENISA); ENSOC 1. TLP and PAP colours are those of their standards.
 */
export type Row = readonly [tag: string, es: string, en: string, colour?: string, grade?: number];

export const tlpRows: readonly Row[] = [
  ['red', 'TLP:RED: solo los destinatarios nombrados', 'TLP:RED: named recipients only', '#ff2b2b'],
  ['amber+strict', 'TLP:AMBER+STRICT: solo la organización que recibe', 'TLP:AMBER+STRICT: the receiving organisation only', '#ffc000'],
  ['amber', 'TLP:AMBER: la organización y sus clientes', 'TLP:AMBER: the organisation and its clients', '#ffc000'],
  ['green', 'TLP:GREEN: la comunidad, sin canales públicos', 'TLP:GREEN: the community, no public channels', '#33ff00'],
  ['clear', 'TLP:CLEAR: sin límite', 'TLP:CLEAR: no limit', '#ffffff'],
];

/** What is understood on items that come in, and never offered to who writes a new one. */
export const tlpLegacyRows: readonly Row[] = [
  ['white', 'TLP:WHITE, nombre antiguo de CLEAR', 'TLP:WHITE, the former name of CLEAR', '#ffffff'],
];

export const papRows: readonly Row[] = [
  [
    'RED',
    'PAP:RED: solo acciones pasivas que no se detectan desde fuera',
    'PAP:RED: passive actions only, undetectable from outside',
    '#ff2b2b',
  ],
  ['AMBER', 'PAP:AMBER: consultas pasivas, también a terceros', 'PAP:AMBER: passive checks, also with third parties', '#ffc000'],
  ['GREEN', 'PAP:GREEN: acciones activas, también bloquear', 'PAP:GREEN: active measures, blocking included', '#33ff00'],
  ['CLEAR', 'PAP:CLEAR: cualquier uso', 'PAP:CLEAR: any use', '#ffffff'],
];
export const papLegacyRows: readonly Row[] = [
  ['WHITE', 'PAP:WHITE, nombre antiguo de CLEAR', 'PAP:WHITE, the former name of CLEAR', '#ffffff'],
];

const reliability = 'source-reliability';
const credibility = 'information-credibility';
export const admiraltyRows: readonly Row[] = [
  [`${reliability}="a"`, 'Fuente: A, totalmente fiable', 'Source: A, completely reliable', '#1a7f37', 100],
  [`${reliability}="b"`, 'Fuente: B, normalmente fiable', 'Source: B, usually reliable', '#57a639', 75],
  [`${reliability}="c"`, 'Fuente: C, bastante fiable', 'Source: C, fairly reliable', '#c9a227', 50],
  [`${reliability}="d"`, 'Fuente: D, no siempre fiable', 'Source: D, not usually reliable', '#d9822b', 25],
  [`${reliability}="e"`, 'Fuente: E, no fiable', 'Source: E, unreliable', '#c23030', 0],
  [`${reliability}="f"`, 'Fuente: F, no se puede juzgar', 'Source: F, cannot be judged', '#8a9ba8', 50],
  [`${reliability}="g"`, 'Fuente: G, engaña a propósito', 'Source: G, deliberately deceptive', '#7d0000', 0],
  [`${credibility}="1"`, 'Información: 1, confirmada por otras fuentes', 'Information: 1, confirmed by other sources', '#1a7f37', 100],
  [`${credibility}="2"`, 'Información: 2, probablemente cierta', 'Information: 2, probably true', '#57a639', 75],
  [`${credibility}="3"`, 'Información: 3, posiblemente cierta', 'Information: 3, possibly true', '#c9a227', 50],
  [`${credibility}="4"`, 'Información: 4, dudosa', 'Information: 4, doubtful', '#d9822b', 25],
  [`${credibility}="5"`, 'Información: 5, improbable', 'Information: 5, improbable', '#c23030', 0],
  [`${credibility}="6"`, 'Información: 6, no se puede juzgar', 'Information: 6, cannot be judged', '#8a9ba8', 50],
];

/** One colour per class, so that a list of incidents can be read at a distance. */
const rsitClass = (name: string, colour: string, types: readonly (readonly [string, string, string])[]): Row[] =>
  types.map(([type, es, en]) => [`${name}="${type}"`, es, en, colour]);

export const rsitRows: readonly Row[] = [
  ...rsitClass('abusive-content', '#8e44ad', [
    ['spam', 'Correo no deseado', 'Spam'],
    ['harmful-speech', 'Discurso de odio o acoso', 'Harmful speech'],
    ['violence', 'Contenido sexual, infantil o violento', 'Child, sexual or violent content'],
  ]),
  ...rsitClass('malicious-code', '#c0392b', [
    ['infected-system', 'Sistema infectado', 'Infected system'],
    ['c2-server', 'Servidor de mando y control', 'Command and control server'],
    ['malware-distribution', 'Distribución de código dañino', 'Malware distribution'],
    ['malware-configuration', 'Configuración de código dañino', 'Malware configuration'],
  ]),
  ...rsitClass('information-gathering', '#2980b9', [
    ['scanner', 'Escaneo de redes', 'Scanning'],
    ['sniffing', 'Captura de tráfico', 'Sniffing'],
    ['social-engineering', 'Ingeniería social', 'Social engineering'],
  ]),
  ...rsitClass('intrusion-attempts', '#d35400', [
    ['ids-alert', 'Explotación de vulnerabilidad conocida', 'Exploitation of a known vulnerability'],
    ['brute-force', 'Intentos de acceso', 'Login attempts'],
    ['exploit', 'Ataque de tipo nuevo', 'New attack signature'],
  ]),
  ...rsitClass('intrusions', '#a93226', [
    ['privileged-account-compromise', 'Cuenta con privilegios comprometida', 'Privileged account compromise'],
    ['unprivileged-account-compromise', 'Cuenta sin privilegios comprometida', 'Unprivileged account compromise'],
    ['application-compromise', 'Aplicación comprometida', 'Application compromise'],
    ['system-compromise', 'Sistema comprometido', 'System compromise'],
    ['burglary', 'Robo o intrusión física', 'Burglary'],
  ]),
  ...rsitClass('availability', '#7f8c8d', [
    ['dos', 'Denegación de servicio', 'Denial of service'],
    ['ddos', 'Denegación de servicio distribuida', 'Distributed denial of service'],
    ['misconfiguration', 'Configuración errónea', 'Misconfiguration'],
    ['sabotage', 'Sabotaje', 'Sabotage'],
    ['outage', 'Interrupción', 'Outage'],
  ]),
  ...rsitClass('information-content-security', '#16a085', [
    ['unauthorised-information-access', 'Acceso no autorizado a información', 'Unauthorised access to information'],
    ['unauthorised-information-modification', 'Modificación no autorizada de información', 'Unauthorised modification of information'],
    ['data-loss', 'Pérdida de datos', 'Data loss'],
    ['data-leak', 'Fuga de información confidencial', 'Leak of confidential information'],
  ]),
  ...rsitClass('fraud', '#b7950b', [
    ['unauthorised-use-of-resources', 'Uso no autorizado de recursos', 'Unauthorised use of resources'],
    ['copyright', 'Derechos de autor', 'Copyright'],
    ['masquerade', 'Suplantación', 'Masquerade'],
    ['phishing', 'Phishing', 'Phishing'],
  ]),
  ...rsitClass('vulnerable', '#e67e22', [
    ['weak-crypto', 'Criptografía débil', 'Weak cryptography'],
    ['ddos-amplifier', 'Amplificador de denegación de servicio', 'DDoS amplifier'],
    ['potentially-unwanted-accessible', 'Servicio expuesto sin quererlo', 'Service exposed without intent'],
    ['information-disclosure', 'Revelación de información', 'Information disclosure'],
    ['vulnerable-system', 'Sistema vulnerable', 'Vulnerable system'],
  ]),
  ...rsitClass('other', '#95a5a6', [
    ['other', 'Sin categoría', 'Uncategorised'],
    ['undetermined', 'Sin determinar', 'Undetermined'],
  ]),
  ...rsitClass('test', '#bdc3c7', [['test', 'Prueba', 'Test']]),
];

export const ensocRows: readonly Row[] = [
  ['workflow="to-validate"', 'Por validar', 'To validate', '#ffc000'],
  ['workflow="validated"', 'Validado por un analista', 'Validated by an analyst', '#2ecc71'],
  ['source="feed"', 'Origen: fuente automática', 'Source: feed', '#3498db'],
  ['source="partner-feed"', 'Origen: fuente de un socio', 'Source: partner feed', '#3498db'],
  ['source="commercial-feed"', 'Origen: fuente comercial', 'Source: commercial feed', '#3498db'],
  ['source="osint-feed"', 'Origen: fuentes abiertas', 'Source: open-source feed', '#3498db'],
  ['source="incident-response"', 'Origen: respuesta a un incidente', 'Source: incident response', '#2471a3'],
  ['recommended-action="detection"', 'Acción: detectar', 'Action: detect', '#5dade2'],
  ['recommended-action="filtering"', 'Acción: filtrar', 'Action: filter', '#e74c3c'],
  ['class="validated"', 'Confianza: revisado y fiable', 'Class: reviewed and reliable', '#2ecc71'],
  ['class="non-validated"', 'Confianza: sin validar', 'Class: not validated', '#f39c12'],
  ['class="test"', 'Confianza: prueba o ejercicio', 'Class: test or exercise', '#bdc3c7'],
  ['state="validated"', 'Consenso: confirmado', 'State: confirmed by consensus', '#2ecc71'],
  ['state="rejected"', 'Consenso: rechazado', 'State: rejected', '#c0392b'],
  ['state="unknown"', 'Consenso: sin resolver', 'State: undecided', '#95a5a6'],
];
