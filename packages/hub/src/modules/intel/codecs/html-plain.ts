import { convert } from 'html-to-text';
import { htmlMaxChildren, htmlMaxDepth, plainMaxChars } from './limits.ts';

/** Headings keep their case, because addresses and digests occur in them. */
const headings = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } }));
const unread = ['script', 'style', 'noscript', 'template', 'svg', 'object', 'iframe', 'img'].map((selector) => ({
  selector,
  format: 'skip',
}));

/** The text that a reader of the page sees, with the addresses of links in brackets. Nothing is run, loaded or followed. */
export function htmlToPlain(html: string): string {
  const text = convert(html.slice(0, plainMaxChars), {
    wordwrap: false,
    limits: { maxDepth: htmlMaxDepth, maxChildNodes: htmlMaxChildren, maxInputLength: plainMaxChars, ellipsis: '' },
    selectors: [
      ...headings,
      ...unread,
      { selector: 'a', options: { linkBrackets: [' <', '>'], hideLinkHrefIfSameAsText: true } },
      // Rows as lines. The library's own table layout believes every colspan, and allocates that many cells.
      { selector: 'table', format: 'block' },
      { selector: 'tr', format: 'block' },
      ...['td', 'th'].map((selector) => ({ selector, format: 'inlineSurround', options: { suffix: ' | ' } })),
    ],
  });
  return text.slice(0, plainMaxChars);
}
