/**
 * The part of `webhdfs` 1.2.0 that `adapters/webhdfs.ts` uses. The package has no types of its own, and the two
 * private members are stable: the version is pinned and the package is frozen.
 */
declare module 'webhdfs' {
  import type { EventEmitter } from 'node:events';

  /** A request of the `request` library: emits `response`, `data`, `complete` (response, body) and `error`. */
  export interface PendingRequest extends EventEmitter {
    abort(): void;
  }

  export interface Client {
    _getOperationEndpoint(
      operation: string,
      path: string,
      params: Readonly<Record<string, string | number | boolean>>,
    ): string;
    _sendRequest(
      method: string,
      url: string,
      options: Readonly<Record<string, unknown>>,
      callback: () => void,
    ): PendingRequest;
  }

  interface ClientOptions {
    readonly protocol: 'http' | 'https';
    readonly host: string;
    readonly port: number;
    readonly path: string;
    readonly user?: string;
  }

  const webhdfs: {
    createClient(options: ClientOptions, requestParams: Readonly<Record<string, unknown>>): Client;
  };
  export default webhdfs;
}
