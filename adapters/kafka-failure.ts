import { type Fault, fault, type FailureCode } from '../domain/failure.js';

/**
 * What went wrong with Kafka. `again`: the same question may get an answer a moment later, or from another broker.
 */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly kind: KafkaKind;
  /** `topic/partition`, a group, a broker. */
  readonly where: string | undefined;

  constructor(kind: KafkaKind, message: string, where?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.where = where;
  }

  get again(): boolean {
    return KINDS[this.kind].again;
  }
}

const KINDS = {
  unavailable: { code: 'KafkaUnavailable', again: true },
  /** A partition or topic that metadata had and its broker has not: deleted or created this moment. */
  'no-topic': { code: 'KafkaUnavailable', again: true },
  /** What answers does not speak Kafka's protocol. */
  protocol: { code: 'KafkaUnavailable', again: true },
  /** A commit that got no answer: only reading back tells whether it was stored. */
  'in-doubt': { code: 'KafkaUnavailable', again: false },
  denied: { code: 'AccessDenied', again: false },
  auth: { code: 'AuthFailed', again: false },
  'group-active': { code: 'TwinRunning', again: false },
  'out-of-range': { code: 'OffsetsGone', again: false },
  'beyond-end': { code: 'LogReplaced', again: false },
  'not-understood': { code: 'ConfigInvalid', again: false },
  unexpected: { code: 'Unclassified', again: false },
} as const satisfies Record<string, { readonly code: FailureCode; readonly again: boolean }>;

export type KafkaKind = keyof typeof KINDS;

export const UNKNOWN_TOPIC = 3;
export const GROUP_ID_NOT_FOUND = 69;

/** Error codes of Kafka's protocol (`org.apache.kafka.common.protocol.Errors`), as far as our requests can meet them. */
const CODES: Readonly<Record<number, readonly [KafkaKind, string]>> = {
  [-1]: ['unavailable', 'UNKNOWN_SERVER_ERROR'],
  1: ['out-of-range', 'OFFSET_OUT_OF_RANGE'],
  2: ['unavailable', 'CORRUPT_MESSAGE'],
  3: ['no-topic', 'UNKNOWN_TOPIC_OR_PARTITION'],
  5: ['unavailable', 'LEADER_NOT_AVAILABLE'],
  6: ['unavailable', 'NOT_LEADER_OR_FOLLOWER'],
  7: ['unavailable', 'REQUEST_TIMED_OUT'],
  8: ['unavailable', 'BROKER_NOT_AVAILABLE'],
  9: ['unavailable', 'REPLICA_NOT_AVAILABLE'],
  13: ['unavailable', 'NETWORK_EXCEPTION'],
  14: ['unavailable', 'COORDINATOR_LOAD_IN_PROGRESS'],
  15: ['unavailable', 'COORDINATOR_NOT_AVAILABLE'],
  16: ['unavailable', 'NOT_COORDINATOR'],
  17: ['not-understood', 'INVALID_TOPIC_EXCEPTION'],
  22: ['group-active', 'ILLEGAL_GENERATION'],
  24: ['not-understood', 'INVALID_GROUP_ID'],
  25: ['group-active', 'UNKNOWN_MEMBER_ID'],
  27: ['group-active', 'REBALANCE_IN_PROGRESS'],
  29: ['denied', 'TOPIC_AUTHORIZATION_FAILED'],
  30: ['denied', 'GROUP_AUTHORIZATION_FAILED'],
  31: ['denied', 'CLUSTER_AUTHORIZATION_FAILED'],
  33: ['auth', 'UNSUPPORTED_SASL_MECHANISM'],
  34: ['auth', 'ILLEGAL_SASL_STATE'],
  35: ['not-understood', 'UNSUPPORTED_VERSION'],
  54: ['auth', 'SECURITY_DISABLED'],
  56: ['unavailable', 'KAFKA_STORAGE_ERROR'],
  58: ['auth', 'SASL_AUTHENTICATION_FAILED'],
  68: ['group-active', 'NON_EMPTY_GROUP'],
  72: ['unavailable', 'LISTENER_NOT_FOUND'],
  74: ['unavailable', 'FENCED_LEADER_EPOCH'],
  75: ['unavailable', 'UNKNOWN_LEADER_EPOCH'],
  78: ['unavailable', 'OFFSET_NOT_AVAILABLE'],
  82: ['group-active', 'FENCED_INSTANCE_ID'],
  88: ['unavailable', 'UNSTABLE_OFFSET_COMMIT'],
  89: ['unavailable', 'THROTTLING_QUOTA_EXCEEDED'],
  100: ['no-topic', 'UNKNOWN_TOPIC_ID'],
  113: ['group-active', 'STALE_MEMBER_EPOCH'],
};

/** The error behind a code in an answer; null for success. */
export function ofAnswer(code: number, where: string): KafkaError | null {
  if (code === 0) return null;
  const [kind, name] = CODES[code] ?? (['unexpected', 'unknown error code'] as const);
  return new KafkaError(kind, `${name} (${code}) for ${where}`, where);
}

/** Node's codes for a certificate that does not prove the broker's identity. */
const CERTIFICATE =
  /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_SSL_(TLSV1|SSLV3)_ALERT_(BAD_CERT|CERT|UNKNOWN_CA))/;

interface KafkaJsError {
  readonly name?: string;
  readonly type?: string;
  readonly code?: number | string;
  readonly message?: string;
  readonly cause?: unknown;
}

/**
 * The error behind what the client threw, by name, type, code and cause. Its own `retriable` is misleading: a refused
 * connection says false. `transport`: the last thing that went wrong on the wire itself, because the client reports a
 * connection that died while it was authenticating as a refused password.
 */
export function ofThrown(thrown: unknown, broker: string, transport?: unknown): KafkaError {
  for (let error = thrown as KafkaJsError | undefined, depth = 0; error && depth < 5; depth++) {
    if (error instanceof KafkaError) return error;
    const { name = '', message = '', code } = error;
    const because = (kind: KafkaKind, text = message) =>
      new KafkaError(kind, `${broker}: ${text}`, broker, thrown);
    if (typeof code === 'string' && CERTIFICATE.test(code))
      return because('auth', `the broker's certificate is not accepted: ${message}`);
    if (name === 'KafkaJSSASLAuthenticationError')
      return transport === undefined ? because('auth') : ofThrown(transport, broker);
    if (name === 'KafkaJSProtocolError' && typeof code === 'number') {
      const known = ofAnswer(code, broker);
      if (known !== null) return known;
    }
    if (name === 'KafkaJSServerDoesNotSupportApiKey' || message === 'API Versions not supported')
      return because('not-understood');
    if (CONNECTION.has(name) || message === 'Broker not connected') return because('unavailable');
    if (name === 'RangeError' || name === 'TypeError' || name === 'SyntaxError')
      return because('protocol', `the answer could not be read (${message})`);
    error = error.cause as KafkaJsError | undefined;
  }
  return new KafkaError(
    'unexpected',
    `${broker}: ${thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)}`,
    broker,
    thrown,
  );
}

const CONNECTION = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSLockTimeout',
  'KafkaJSNonRetriableError',
]);

/** The fault that people and workflows see. */
export function faultOfKafka(error: KafkaError, cluster: string): Fault {
  return fault(KINDS[error.kind].code, `Kafka "${cluster}": ${error.message}.`, error.where);
}
