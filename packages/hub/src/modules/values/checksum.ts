import { createHash } from 'node:crypto';

const base58Alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const bech32Alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** Whether a base58 text ends in the checksum of the rest (Bitcoin, Dash): random words do not. 25 bytes: version, digest, checksum. */
export function base58CheckHolds(text: string): boolean {
  let number = 0n;
  for (const character of text) {
    const digit = base58Alphabet.indexOf(character);
    if (digit < 0) return false;
    number = number * 58n + BigInt(digit);
  }
  const hex = number.toString(16).padStart(50, '0');
  if (hex.length !== 50) return false;
  const bytes = Buffer.from(hex, 'hex');
  const twice = createHash('sha256')
    .update(createHash('sha256').update(bytes.subarray(0, 21)).digest())
    .digest();
  return twice.subarray(0, 4).equals(bytes.subarray(21));
}

/** Whether a lower-case `bc1…` address carries a valid bech32 (BIP 173) or bech32m (BIP 350) checksum. */
export function bech32Holds(text: string): boolean {
  let check = 1;
  const step = (value: number): void => {
    const top = check >>> 25;
    check = ((check & 0x1ff_ffff) << 5) ^ value;
    for (const [bit, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries()) {
      if ((top >>> bit) & 1) check ^= generator;
    }
  };
  for (const c of [3, 3, 0, 2, 3]) step(c); // "bc", high bits, separator, low bits
  for (const character of text.slice(3)) {
    const digit = bech32Alphabet.indexOf(character);
    if (digit < 0) return false;
    step(digit);
  }
  return check === 1 || check === 0x2bc830a3;
}
