import type { Tlp } from '@rebato/contract';
import type { Actor } from '#platform/actor';
import type { Pool } from '#platform/db';
import type { Bus, Clock, Ids, Log, Trail } from '#platform/ports';
import type { AssetKind } from './store/entities.ts';

/** What a level grants. Given by module scoring, which comes after this one. */
export type LevelAccess = { readonly shelf: string; readonly maxTlp: Tlp };

export type OidcSettings = {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client: PKCE protects the code in both cases. */
  readonly clientSecret?: string;
  /** Shown on the button. */
  readonly label: string;
  /** Plain http is accepted for a loopback issuer only, for tests and demonstrations. */
  readonly allowLoopbackHttp?: boolean;
  /** How the provider is asked. Default: the runtime's own fetch, because the operator named the provider, who may well be an internal one. */
  readonly fetch?: typeof fetch;
};

/** What app.ts gives. */
export type MembersSetup = {
  readonly db: Pool;
  readonly bus: Bus;
  readonly trail: Trail;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Origin under which browsers see the portal, without a path: `https://soc.example.org`. Asked each time, as the port may be known late. */
  readonly publicUrl: () => string;
  readonly levelAccess: (level: string) => Promise<LevelAccess>;
  /** Canonical form of a declared value. Given by module values, which comes after this one. */
  readonly assetCanonical: (
    kind: AssetKind,
    raw: string,
  ) => { readonly ok: true; readonly value: string } | { readonly ok: false; readonly message: string };
  /** Credentials of controls (`rba_…`), kept by module decisions. Undefined: not a valid one. */
  readonly authenticateAgent?: (
    credential: string,
    from: { readonly ip: string; readonly requestId: string },
  ) => Promise<Actor | undefined>;
  readonly oidc?: OidcSettings;
  /** 32 bytes from the hub's secrets; seeds of one-time codes are sealed with it, so a stolen back-up of the database alone yields none. */
  readonly sealKey: () => Uint8Array;
  /** Rounds of the password derivation. Tests lower it. */
  readonly passwordRounds?: number;
};

/** What the use cases of this module get. */
export type MembersDeps = MembersSetup & {
  /** Drops cached credentials of this key, session, person or entity in this process at once; other processes hear it from the log. */
  readonly forget: (id: string) => void;
};
