import { readFileSync } from 'node:fs';

import type { TlsConfig } from '../config/config.js';
import { failure } from '../domain/failure.js';

/** What Node's TLS needs. Without a `ca` the roots that Node trusts apply. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: string;
  readonly servername?: string;
}

/**
 * Reads the files that a TLS configuration names.
 * @throws ConfigInvalid when one cannot be read
 */
export function tlsOptions(tls: TlsConfig | undefined): TlsOptions {
  if (!tls) return {};
  return {
    ...(tls.ca === undefined ? {} : { ca: pem(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: pem(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: tls.key.reveal() }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw failure('ConfigInvalid', `the TLS file cannot be read (${code})`, path);
  }
}
