import { serve } from '@hono/node-server';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '../config/references.js';
import { isGuarded } from './authenticate.js';
import { intakeApp, type IntakeOptions } from './app.js';

export { intakeApp, type IntakeOptions, type Log, type Receipt } from './app.js';

export interface RunningIntake {
  /** Base URL it listens on. */
  readonly url: string;
  /** Stops taking requests, lets open ones finish, for at most `graceMs` [5000]. */
  readonly close: (graceMs?: number) => Promise<void>;
}

/**
 * Listens for alerts.
 * @throws Error when the address is not this machine's own and nobody has to authenticate, or the port is taken.
 */
export async function startIntake(options: IntakeOptions): Promise<RunningIntake> {
  const { host, port } = options.config.intake;
  if (!isLoopback(host) && !isGuarded(options.config.intake)) {
    throw new Error(
      `the intake does not listen on ${host} while nobody has to authenticate: add intake.bearer or intake.hmac, or listen on 127.0.0.1`,
    );
  }
  const app = intakeApp(options);
  return new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: app.fetch,
        hostname: host,
        port,
        serverOptions: {
          headersTimeout: 10_000,
          requestTimeout: 30_000,
          connectionsCheckingInterval: 1_000,
          keepAliveTimeout: 5_000,
          maxHeaderSize: 16 * 1024,
        },
      },
      (address: AddressInfo) => {
        server.off('error', refuse);
        const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
        resolve({
          url: `http://${shown}:${address.port}`,
          close: (graceMs = 5_000) =>
            new Promise<void>((done) => {
              const force = setTimeout(
                () => 'closeAllConnections' in server && server.closeAllConnections(),
                graceMs,
              );
              server.close(() => {
                clearTimeout(force);
                done();
              });
              if ('closeIdleConnections' in server) server.closeIdleConnections();
            }),
        });
      },
    );
    const refuse = (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `the intake cannot listen on ${host}:${port}: the port is taken; choose another intake.port`,
            )
          : error,
      );
    server.once('error', refuse);
  });
}
