import { getDocumentProxy } from 'unpdf';
import { pdfMaxPages, plainMaxChars } from './limits.ts';

export type PlainPdf = { readonly text: string; readonly warnings: readonly string[]; readonly refused?: string };

/** The text layer of a PDF, page by page, until the bounds. Scripts, forms and attachments in it are not touched. */
export async function pdfToPlain(bytes: Uint8Array): Promise<PlainPdf> {
  // No XFA, no system fonts, no evaluation of font programs: none of them has text that this does not.
  const options = {
    isEvalSupported: false,
    enableXfa: false,
    disableFontFace: true,
    useSystemFonts: false,
    stopAtErrors: false,
    verbosity: 0,
  };
  let pdf: Awaited<ReturnType<typeof getDocumentProxy>>;
  try {
    pdf = await getDocumentProxy(Uint8Array.from(bytes), options);
  } catch (error) {
    const locked = error instanceof Error && error.name === 'PasswordException';
    return { text: '', warnings: [], refused: locked ? 'this PDF is protected by a password' : 'this is no PDF that can be read' };
  }
  const warnings: string[] = [];
  const pages: string[] = [];
  let chars = 0;
  let broken = 0;
  const last = Math.min(pdf.numPages, pdfMaxPages);
  if (pdf.numPages > pdfMaxPages) warnings.push(`only the first ${pdfMaxPages} of ${pdf.numPages} pages were read`);
  for (let number = 1; number <= last && chars < plainMaxChars; number++) {
    try {
      const page = await pdf.getPage(number);
      const content = await page.getTextContent();
      const text = content.items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : '')).join('');
      pages.push(text);
      chars += text.length;
      page.cleanup();
    } catch {
      broken++;
    }
  }
  if (broken > 0) warnings.push(`${broken} pages could not be read`);
  if (chars > plainMaxChars) warnings.push(`only the first ${plainMaxChars} characters were read`);
  if (pages.every((page) => page.trim() === '')) warnings.push('this PDF has no text: it may be scanned pages');
  return { text: pages.join('\n\n').slice(0, plainMaxChars), warnings };
}
