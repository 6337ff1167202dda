import { type Fault, fault, type FailureCode } from '../domain/failure.js';

/**
 * What went wrong with ZooKeeper. `elsewhere`: another member may answer, or the same one in a new session; everything
 * else is an answer that asking again does not change.
 */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly kind: ZooKeeperKind;

  constructor(kind: ZooKeeperKind, message: string) {
    super(message);
    this.kind = kind;
  }

  get elsewhere(): boolean {
    return KINDS[this.kind].elsewhere;
  }
}

const KINDS = {
  unavailable: { code: 'HaStoreUnavailable', elsewhere: true },
  'connection-lost': { code: 'HaStoreUnavailable', elsewhere: true },
  'session-lost': { code: 'HaStoreUnavailable', elsewhere: true },
  throttled: { code: 'HaStoreUnavailable', elsewhere: true },
  'server-fault': { code: 'HaStoreUnavailable', elsewhere: true },
  /** What answers on the port does not speak ZooKeeper's protocol. */
  protocol: { code: 'HaStoreUnavailable', elsewhere: true },
  'no-auth': { code: 'AccessDenied', elsewhere: false },
  'auth-failed': { code: 'AuthFailed', elsewhere: false },
  /** The server does not understand a request that every supported version understands. */
  'not-understood': { code: 'ConfigInvalid', elsewhere: false },
  /** A code that reading cannot bring about, or that nobody knows. */
  unexpected: { code: 'Unclassified', elsewhere: false },
} as const satisfies Record<string, { readonly code: FailureCode; readonly elsewhere: boolean }>;

export type ZooKeeperKind = keyof typeof KINDS;

/** NONODE is no failure but an answer. */
export const NO_NODE = -101;

/** Reply codes of `org.apache.zookeeper.KeeperException.Code` (3.9), as far as a reader can meet them. */
const CODES: Readonly<Record<number, readonly [ZooKeeperKind, string]>> = {
  [-1]: ['server-fault', 'SYSTEMERROR'],
  [-2]: ['server-fault', 'RUNTIMEINCONSISTENCY'],
  [-3]: ['server-fault', 'DATAINCONSISTENCY'],
  [-4]: ['connection-lost', 'CONNECTIONLOSS'],
  [-5]: ['not-understood', 'MARSHALLINGERROR'],
  [-6]: ['not-understood', 'UNIMPLEMENTED'],
  [-7]: ['unavailable', 'OPERATIONTIMEOUT'],
  [-8]: ['not-understood', 'BADARGUMENTS'],
  [-102]: ['no-auth', 'NOAUTH'],
  [-103]: ['unexpected', 'BADVERSION'],
  [-110]: ['unexpected', 'NODEEXISTS'],
  [-111]: ['unexpected', 'NOTEMPTY'],
  [-112]: ['session-lost', 'SESSIONEXPIRED'],
  [-114]: ['not-understood', 'INVALIDACL'],
  [-115]: ['auth-failed', 'AUTHFAILED'],
  [-118]: ['session-lost', 'SESSIONMOVED'],
  [-119]: ['unexpected', 'NOTREADONLY'],
  [-122]: ['unavailable', 'REQUESTTIMEOUT'],
  [-124]: ['auth-failed', 'SESSIONCLOSEDREQUIRESASLAUTH'],
  [-125]: ['unexpected', 'QUOTAEXCEEDED'],
  [-127]: ['throttled', 'THROTTLEDOP'],
};

/** The error behind a reply code; never throws, whatever the code. */
export function ofReply(code: number, path: string): ZooKeeperError {
  const [kind, name] = CODES[code] ?? (['unexpected', 'unknown reply code'] as const);
  return new ZooKeeperError(kind, `${name} (${code}) for ${path}`);
}

/** The fault that people and workflows see. */
export function faultOfZooKeeper(error: ZooKeeperError, store: string, server: string): Fault {
  const { code } = KINDS[error.kind];
  return fault(code, `ZooKeeper "${store}": ${error.message} (${server}).`, server);
}
