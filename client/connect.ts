import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import type { TemporalConfig, TlsConfig } from '../config/config.js';

/** Who uses the client: part of its identity, which every event in the histories carries. */
export type Role = 'cli' | 'intake' | 'worker' | 'watch' | 'dev' | 'test';

/** `holdfast/<role>@<host>/<pid>`. */
export const identityOf = (role: Role): string => `holdfast/${role}@${hostname()}/${process.pid}`;

/** Temporal's TLS settings; undefined: none. An API key turns TLS on. */
export function tlsOf(
  tls: TlsConfig | undefined,
  apiKey: boolean,
): NonNullable<ConnectionOptions['tls']> | undefined {
  if (tls === undefined) return apiKey ? true : undefined;
  return {
    ...(tls.serverName === undefined ? {} : { serverNameOverride: tls.serverName }),
    ...(tls.ca === undefined ? {} : { serverRootCACertificate: readFileSync(tls.ca) }),
    ...(tls.cert === undefined || tls.key === undefined
      ? {}
      : { clientCertPair: { crt: readFileSync(tls.cert), key: Buffer.from(tls.key.reveal()) } }),
  };
}

/**
 * A Temporal client that connects with its first call: a door must open while Temporal is down.
 * The caller closes `client.connection`.
 */
export function connectTemporal(temporal: TemporalConfig, role: Role): Client {
  const tls = tlsOf(temporal.tls, temporal.apiKey !== undefined);
  const connection = Connection.lazy({
    address: temporal.address,
    ...(tls === undefined ? {} : { tls }),
    ...(temporal.apiKey === undefined ? {} : { apiKey: temporal.apiKey.reveal() }),
  });
  return new Client({ connection, namespace: temporal.namespace, identity: identityOf(role) });
}
