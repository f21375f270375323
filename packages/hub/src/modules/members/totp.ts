import { generateSecret, generateURI, verifySync } from 'otplib';

/** SHA-256, because SHA-1 is outside the crypto profile. Common apps know it; the few that ignore the parameter fail at enrolment, not later. */
const algorithm = 'sha256';
const period = 30;

/** One step of 30 s before and after: phones drift. */
const toleranceSeconds = 30;

export const newTotpSecret = (): string => generateSecret({ length: 32 });

export const totpUri = (issuer: string, label: string, secret: string): string =>
  generateURI({ strategy: 'totp', issuer, label, secret, algorithm, digits: 6, period });

/** The time step that the code belongs to, or undefined. Whether it was used before is the store's matter. */
export function totpStep(secret: string, code: string, now: Date): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const result = verifySync({
    strategy: 'totp',
    secret,
    token: code,
    algorithm,
    digits: 6,
    period,
    epoch: Math.floor(now.getTime() / 1000),
    epochTolerance: toleranceSeconds,
  });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}
