/** People at the door: invited, enrolled, with a phone that shows codes. */
import type { Role } from '@rebato/contract';
import { generateSync } from 'otplib';
import type { Bed } from './bed.ts';

export const origin = 'https://hub.example.org';
export const refused = { code: 'auth.invalid', message: 'The credential is not valid.' };
export const password = 'correct horse battery';
export const tokenOf = (link: string): string => link.slice(link.indexOf('#') + 1);

export function createCast(bed: Bed) {
  let serial = 0;
  /** Every time from another address, so that counts of tries do not meet. */
  const from = () => {
    serial += 1;
    return { ip: `10.0.${serial >> 8}.${serial & 255}`, agent: 'test', requestId: 'r' };
  };
  const code = (secret: string) =>
    generateSync({ strategy: 'totp', secret, algorithm: 'sha256', epoch: Math.floor(bed.clock.now().getTime() / 1000) });

  async function invited(roles: readonly Role[] = ['analyst']) {
    serial += 1;
    const entity = await bed.entity(`Entity ${serial}`);
    return bed.members.createPerson(bed.administrator, {
      entityId: entity.id,
      name: 'Berta Test',
      mail: `berta${serial}@example.org`,
      roles,
    });
  }

  return {
    from,
    code,
    invited,
    /** To the next code, as each is good for one use. */
    nextCode(secret: string) {
      bed.clock.advance(30_000);
      return code(secret);
    },
    open: (token: string) => bed.members.authenticate({ cookie: token, ...bed.shown }),
    async withPassword(roles?: readonly Role[]) {
      const { person, link } = await invited(roles);
      const token = tokenOf(link);
      const { setup, secret } = await bed.members.offerTotpByLink(token);
      const enrolled = await bed.members.enrolPassword(token, { password, setup, code: code(secret) }, from());
      return { person, secret, ...enrolled };
    },
  };
}
