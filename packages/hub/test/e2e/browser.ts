/** Real Chromium, and a hub that it reaches by the name under which passkeys are allowed without TLS. */
import { createServer } from 'node:http';
import { connect, createServer as createLine, type Server as Line, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { startTestHub, type TestHub } from '#test/hub';
import { programOf } from '#test/interop/peers';

/** Nothing that the browser does by itself may reach the network, nor depend on a display or a sandbox that containers lack. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts with an empty profile in a temporary folder that goes with it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: programOf('chromium'), args: flags, timeout: 60_000 });
}

export type LocalhostHub = TestHub & {
  readonly origin: string;
  /** What stands behind `#` in the first-start link. */
  readonly firstToken: string;
  /** Cuts every connection, and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
};

/**
 * A hub at http://localhost:PORT: passkeys are bound to a host name, and http is allowed on this one only. Between it and the browser is a line
 * of our own, which gives the address before the hub starts, and which can be cut.
 */
export async function startLocalhostHub(): Promise<LocalhostHub> {
  const ends = new Set<Socket>();
  let hubPort: number | undefined;
  let whole = true;
  const line = createLine((near) => {
    if (!whole || hubPort === undefined) return void near.destroy();
    const far = connect(hubPort, '127.0.0.1');
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  const origin = `http://localhost:${await listen(line)}`;
  const hub = await startTestHub({ publicUrl: origin });
  hubPort = hub.port;
  const cutAll = (): void => {
    for (const end of ends) end.destroy();
  };
  return {
    ...hub,
    origin,
    firstToken: hub.firstLink?.split('#')[1] ?? '',
    cut() {
      whole = false;
      cutAll();
    },
    mend() {
      whole = true;
    },
    async [Symbol.asyncDispose]() {
      line.close();
      cutAll();
      await hub.stop();
    },
  };
}

/** A page of somebody else's site, on the same host name: the nearest that an attacker's page can come. */
export async function startForeignSite(body = 'Elsewhere'): Promise<{ readonly origin: string; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer((_, reply) => void reply.setHeader('content-type', 'text/html').end(`<!doctype html>${body}`));
  return {
    origin: `http://localhost:${await listen(server)}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** On a port of the system's choice, which it answers. */
async function listen(server: Line): Promise<number> {
  await new Promise<void>((done, refuse) => {
    server.once('error', refuse);
    server.listen(0, '127.0.0.1', done);
  });
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('a TCP server has a port');
  return at.port;
}

/**
 * A fresh profile. The hub's own pages may not send requests: `default-src 'none'` forbids it, as their test proves. Until it has pages that do,
 * `asPortal` lets these stand in for them; everything else about the requests is the browser's.
 */
export async function openProfile(browser: Browser, input: { readonly asPortal: boolean }): Promise<BrowserContext> {
  const context = await browser.newContext({ bypassCSP: input.asPortal });
  await context.addInitScript({ path: join(import.meta.dirname, 'in-page.js') });
  return context;
}

/** Calls a function of in-page.js in the page. */
export function inPage<T>(page: Page, name: string, ...args: readonly unknown[]): Promise<T> {
  return page.evaluate(
    ([fn, rest]) => {
      const { inPage: functions } = globalThis as unknown as { inPage: Record<string, (...all: readonly unknown[]) => unknown> };
      // A function without a result would wait for one.
      return (functions[fn]?.(...rest) ?? null) as never;
    },
    [name, args.map((arg) => (arg === undefined ? null : arg))] as const,
  );
}

export type PageAnswer<T = Record<string, unknown>> = { readonly status: number; readonly body: T };

/** A request that the page itself sends. */
export const callFrom = <T = Record<string, unknown>>(page: Page, method: string, path: string, body?: unknown): Promise<PageAnswer<T>> =>
  body === undefined ? inPage(page, 'call', method, path) : inPage(page, 'call', method, path, body);

/** A platform authenticator with a verified user, as in a laptop. Lives as long as the page. */
export async function addAuthenticator(
  page: Page,
): Promise<{ credentials(): Promise<number>; verifyUser(verified: boolean): Promise<void> }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length,
    verifyUser: async (verified) => void (await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: verified })),
  };
}

/** From the first-start link to a signed-in administrator with a passkey. */
export async function enrolFirst(page: Page, token: string): Promise<string> {
  const claimed = await callFrom(page, 'POST', '/api/v1/auth/enrol/first', { token, name: 'Elvira First', mail: 'elvira@hub.example' });
  if (claimed.status !== 200) throw new Error(`the first link was refused: ${JSON.stringify(claimed)}`);
  const options = await callFrom(page, 'POST', '/api/v1/auth/enrol/passkey/options', { token });
  const response = await inPage(page, 'createPasskey', options.body);
  const signedIn = await callFrom<{ personId: string }>(page, 'POST', '/api/v1/auth/enrol/passkey/verify', {
    token,
    name: 'Laptop',
    response,
  });
  if (signedIn.status !== 200) throw new Error(`the passkey was refused: ${JSON.stringify(signedIn)}`);
  return signedIn.body.personId;
}

/** Signs in with the passkey that the page's authenticator holds. */
export async function signIn(page: Page): Promise<PageAnswer<{ personId?: string; code?: string }>> {
  const options = await callFrom(page, 'POST', '/api/v1/auth/passkey/options');
  const response = await inPage(page, 'getPasskey', options.body);
  return callFrom(page, 'POST', '/api/v1/auth/passkey/verify', response);
}

export type SeenExchange = {
  readonly url: string;
  readonly method: string;
  readonly sent: Record<string, string>;
  readonly status: number;
};

/** Requests as they left the browser and statuses as they came, also of replies that it then keeps from the page. */
export async function watchNetwork(page: Page): Promise<{ until(match: (one: SeenExchange) => boolean): Promise<SeenExchange> }> {
  const cdp = await page.context().newCDPSession(page);
  const named = new Map<string, { url: string; method: string }>();
  const sent = new Map<string, Record<string, string>>();
  const statuses = new Map<string, number>();
  cdp.on('Network.requestWillBeSent', ({ requestId, request: { url, method } }) => void named.set(requestId, { url, method }));
  cdp.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => {
    sent.set(requestId, Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])));
  });
  cdp.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => void statuses.set(requestId, statusCode));
  await cdp.send('Network.enable');
  const complete = (): SeenExchange[] =>
    [...named].flatMap(([id, request]) => {
      const [headers, status] = [sent.get(id), statuses.get(id)];
      return headers === undefined || status === undefined ? [] : [{ ...request, sent: headers, status }];
    });
  return {
    async until(match) {
      // Each look at the page is a round trip, so that the events that came before it have been taken.
      for (let looks = 0; looks < 500; looks += 1) {
        const found = complete().find(match);
        if (found !== undefined) return found;
        await page.evaluate('new Promise((done) => setTimeout(done, 10))').catch(() => {});
      }
      throw new Error(`no such exchange among ${JSON.stringify(complete())}`);
    },
  };
}
