import { wrongUsage } from './exits.ts';
import { shown } from './output.ts';

export const defaultUrl = 'http://127.0.0.1:7373';

/** The address of a hub, without a slash at its end. */
export function readUrl(raw: string): string {
  const url = URL.parse(raw);
  if (
    url === null ||
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw wrongUsage(`"${shown(raw)}" is not the address of a hub, such as ${defaultUrl}`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

export const isOnThisMachine = (url: string): boolean =>
  /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|localhost)$/.test(new URL(url).hostname);
