/** How much text before a value is looked at. A label or a keyword stands closer than this. */
const lookBackChars = 80;

/** Text of the same line before a place, at most `lookBackChars` long: a bounded look, so that a line of a megabyte costs nothing. */
export function lineBefore(text: string, at: number): string {
  const slice = text.slice(Math.max(0, at - lookBackChars), at);
  return slice.slice(slice.lastIndexOf('\n') + 1);
}

/** Text of the same line after a place, bounded likewise. */
export function lineAfter(text: string, at: number): string {
  const slice = text.slice(at, at + lookBackChars);
  const end = slice.search(/[\r\n]/);
  return end < 0 ? slice : slice.slice(0, end);
}

function wordsBefore(text: string, at: number): string[] {
  return (
    lineBefore(text, at)
      .toLowerCase()
      .match(/[\p{L}\p{N}_.§+&]+/gu) ?? []
  );
}

const versionWords = new Set(
  (
    'v ver ver. version versions versión versiones build compilación firmware release revision revisión rev kernel parche patch update ' +
    'actualización upgrade upgraded downgrade windows chrome chromium firefox edge safari fortios openssl java jre jdk office acrobat ' +
    'driver sdk bios php actualizar actualice actualicen actualizad actualiza actualizado actualizados updating updated instalar instalad installed parchear patched parcheado corregido corregida fixed'
  ).split(' '),
);
const phoneWords = new Set(
  'tel tel. tlf tlf. tfno tfno. teléfono telefono teléfonos phone fax móvil movil mobile móv. llame llama llamar llámanos ext centralita'.split(
    ' ',
  ),
);
const sectionWords = new Set(
  'section sections sección seccion apartado apartados capítulo chapter figura figure tabla table anexo annex párrafo paragraph oid clause cláusula artículo art. punto requisito paso step §'.split(
    ' ',
  ),
);
/** Words that may stand between the keyword and the number. */
const linkWords = new Set(
  'to a al at is es of de la the el from desde before than que and y e o or u until hasta number número num. nº no. anterior anteriores antes earlier prior previa through entre between las los are son in en below'.split(
    ' ',
  ),
);

/** A dozen words reach back over "versions 1.2.3.4, 1.2.3.5 and". */
const walkMaxWords = 12;

function isNumber(word: string): boolean {
  return /^v?\d+(?:\.\d+)*\.?$/.test(word);
}

/** The nearest earlier word that is neither a link word nor a number with dots. */
function keywordBefore(text: string, at: number): string | undefined {
  const words = wordsBefore(text, at);
  for (let i = words.length - 1; i >= Math.max(0, words.length - walkMaxWords); i--) {
    const word = words[i] ?? '';
    if (linkWords.has(word) || isNumber(word)) continue;
    // "version 8.0.25.1 of Product and 5.7.44.2": the product belongs to the number before it.
    if (/^(?:de|del|of|for)$/.test(words[i - 1] ?? '') && isNumber(words[i - 2] ?? '')) continue;
    return word;
  }
  return undefined;
}

/** Whether four numbers with dots are no address here: a version, a section, a telephone number, an amount. */
export function numberNotAddress(text: string, from: number, to: number): boolean {
  const keyword = keywordBefore(text, from);
  if (keyword !== undefined && (versionWords.has(keyword) || phoneWords.has(keyword) || sectionWords.has(keyword))) return true;
  const before = lineBefore(text, from);
  if (/[€$£§]\s?$/.test(before) || /\+\d{1,3}[ .(-]{0,2}$/.test(before)) return true;
  const after = lineAfter(text, to);
  return /^\s?(?:€|\$|£|euros?\b|eur\b|usd\b|bytes\b|\(build\b|(?:or|and|y|o|u) (?:later|earlier|above|below|prior|newer|older|superior|posterior|anterior))/i.test(
    after,
  );
}

const nameKeyword =
  /(?:\bdominios?|\bdomains?|\bhost(?:name)?s?|\bc2s?|\bc&c|\bservidor(?:es)?|\bservers?|\bdns|\bfqdn|\bconsulta|\bquer(?:y|ies)|\bresolves?|\bresuelve|\bsitios?|\bwebsites?|\bweb|\bnombre de dominio)(?: (?:for|de|of|malicioso|maliciosos|malicious|named|name|called|llamado|denominado|a|al|to|es|is)){0,2}[ \t]{0,3}[:=]?[ \t]{0,3}["'“«`]?$/i;

/** Whether the words before announce a name of the network. */
export function announcesName(text: string, at: number): boolean {
  return nameKeyword.test(lineBefore(text, at));
}

const fileKeyword =
  /(?:\bfile ?names?|\bfiles?|\bficheros?|\barchivos?|\badjuntos?|\battachments?|\battached|\bdocumentos?|\bdropped|\bdrops|\bnamed|\bcalled|\bllamad[oa]s?|\bdenominad[oa]s?|\bnombre(?: de fichero| de archivo)?)(?: (?:is|es|as|named|called|se|llama|llamado|llamada|adjunto|malicioso|con nombre|the|el|la|file|fichero|archivo)){0,3}[ \t]{0,3}[:=]?[ \t]{0,3}["'“«`]?$/i;

/** Whether the words before announce a file. */
export function announcesFile(text: string, at: number): boolean {
  return fileKeyword.test(lineBefore(text, at));
}

/** The key of `key=value` or `key: value` right before a place, lower case. */
export function keyBefore(text: string, at: number): string | undefined {
  return /([\p{L}\p{N}_-]{1,30})["']?[ \t]{0,2}[=:][ \t]{0,2}["']?$/u.exec(lineBefore(text, at))?.[1]?.toLowerCase();
}

/** Whether nothing but list marks, quotes and cell borders stands around the value on its line. */
export function aloneOnLine(text: string, from: number, to: number): boolean {
  return /^[\s\-*•·>|"'`“«]*$/.test(lineBefore(text, from)) && /^[\s|"'`”».,;]*$/.test(lineAfter(text, to));
}

/** A signature is a few lines; what comes later in a long text is not part of it. */
const signatureMaxLines = 15;

const closing =
  /^[ \t>]{0,4}(?:--[ ]?|(?:(?:best |kind |warm )?regards|thanks(?: and regards)?|sincerely|cheers|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|muchos saludos|atentamente|cordialmente|gracias y (?:un )?saludos?|enviado desde mi \w{1,20}|sent from my \w{1,20})[ \t]{0,2}[,.:!]?(?: [^\n]{0,30})?)\r?$/i;

/** Places, in the text, of what follows a closing formula or the "-- " line. */
export function signatureRanges(text: string): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  let at = 0;
  let linesLeft = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const line = end - at <= 60 ? text.slice(at, end) : '';
    if (closing.test(line)) {
      // The closing line of an inner signature only prolongs the outer one.
      if (linesLeft === 0) ranges.push([at, end]);
      linesLeft = signatureMaxLines;
    } else if (linesLeft > 0) {
      linesLeft--;
      if (/^(?:>|-{3,}|_{3,}|(?:From|De|Von|On|El) .{0,50}:)/.test(line)) linesLeft = 0;
      else {
        const last = ranges[ranges.length - 1];
        if (last) last[1] = end;
      }
    }
    at = end + 1;
  }
  return ranges;
}
