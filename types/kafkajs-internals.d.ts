/**
 * The parts of kafkajs 2.2.4 below its public API that adapters/kafka.ts uses: one connection, and the codecs of its
 * requests. The package is frozen upstream and pinned here, so these do not move.
 */
declare module 'kafkajs/src/loggers/index.js' {
  export interface KafkaJsLogger {
    namespace(name: string): KafkaJsLogger;
  }
  export const LEVELS: { readonly NOTHING: number };
  export function createLogger(options: {
    readonly level: number;
    readonly logCreator: () => () => void;
  }): KafkaJsLogger;
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { Socket } from 'node:net';
  import type { ConnectionOptions } from 'node:tls';
  import type { KafkaJsLogger } from 'kafkajs/src/loggers/index.js';

  export interface KafkaJsRequest {
    readonly request: unknown;
    readonly response: {
      readonly decode: (bytes: Buffer) => Promise<unknown>;
      readonly parse: (decoded: unknown) => Promise<unknown>;
    };
    readonly requestTimeout?: number;
  }
  export interface KafkaJsConnection {
    connect(): Promise<unknown>;
    send(request: KafkaJsRequest): Promise<unknown>;
    processData(bytes: Buffer): unknown;
    rejectRequests(error: Error): void;
    /** Bytes of the answer that is being received, its length included. */
    bytesNeeded: number;
    readonly requestQueue: {
      readonly pending: readonly unknown[];
      scheduleCheckPendingRequests(): void;
      destroy(): void;
    };
  }
  export default class ConnectionPool {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly ssl: ConnectionOptions | null;
      readonly sasl: {
        readonly mechanism: string;
        readonly username: string;
        readonly password: string;
      } | null;
      readonly clientId: string;
      readonly socketFactory: (to: {
        readonly host: string;
        readonly port: number;
        readonly ssl: ConnectionOptions | null;
        readonly onConnect: () => void;
      }) => Socket;
      readonly connectionTimeout: number;
      readonly requestTimeout: number;
      readonly logger: KafkaJsLogger;
    });
    readonly pool: readonly KafkaJsConnection[];
    send(request: KafkaJsRequest): Promise<unknown>;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js';
  import type { KafkaJsRequest } from 'kafkajs/src/network/connectionPool.js';
  import type { KafkaJsLogger } from 'kafkajs/src/loggers/index.js';
  import type { Definition } from 'kafkajs/src/protocol/requests/index.js';

  export default class Broker {
    constructor(options: {
      readonly connectionPool: ConnectionPool;
      readonly logger: KafkaJsLogger;
      readonly allowAutoTopicCreation: boolean;
    });
    connect(): Promise<void>;
    readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
    /** The codec of a request in the newest version that both sides speak. */
    lookupRequest(apiKey: number, definition: Definition): (payload: unknown) => KafkaJsRequest;
  }
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type { KafkaJsRequest } from 'kafkajs/src/network/connectionPool.js';

  export interface Definition {
    readonly versions: readonly string[];
    protocol(of: { readonly version: number }): (payload: unknown) => KafkaJsRequest;
  }
  export const requests: Readonly<Record<string, Definition>>;
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: Readonly<Record<string, number>>;
  export default apiKeys;
}
