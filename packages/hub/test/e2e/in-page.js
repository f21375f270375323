// Runs inside the browser, in every page before anything else. Plain JavaScript, because the browser reads it as it is.
globalThis.inPage = {
  /** A request of this page, with what a page sends by itself: cookies, Origin, Sec-Fetch-Site. */
  async call(method, path, body) {
    const reply = await fetch(path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  },

  async createPasskey(options) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  },

  async getPasskey(options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  },

  /** What another site's page can send without asking first. The hub keeps the answer from it, which looks like a network error here. */
  async sendBlind(url) {
    const request = { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'content-type': 'text/plain' }, body: '{}' };
    await fetch(url, request).catch(() => {});
  },

  /** What another site's page may try with a preflight; the browser refuses when the hub does not allow it. */
  async sendAsking(url, method) {
    try {
      const reply = await fetch(url, { method, credentials: 'include', headers: { 'content-type': 'application/json' } });
      return `answered ${reply.status}`;
    } catch (error) {
      return error.name;
    }
  },

  follow(path, names) {
    const source = new EventSource(path);
    const seen = [];
    globalThis.followed = { source, seen };
    const keep = ({ type, data, lastEventId }) => seen.push({ type, lastEventId, data: data ?? null });
    for (const name of ['open', 'error', ...names]) source.addEventListener(name, keep);
  },
};
