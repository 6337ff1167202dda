/** What can go wrong when talking to Temporal, in sentences for people. */
import {
  isGrpcServiceError,
  QueryNotRegisteredError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';

/**
 * - `UnknownJob`, `UnknownCluster`: not in the configuration.
 * - `NoCase`: no case of this job was ever opened, or it is past Temporal's retention.
 * - `CaseEnded`: the newest case is over; nothing can be said to it.
 * - `NoWorker`: Temporal took the call, and no worker answered.
 * - `InDoubt`: no answer to something that may have been heard; saying it again with the same request id is safe.
 * - `Refused`: the case heard it and refuses, with its reason.
 * - `TemporalUnavailable`: no answer from Temporal; nothing was done, or it is not known.
 * - `AccessDenied`: Temporal refuses the credentials or the namespace.
 */
export type ClientErrorCode =
  | 'UnknownJob'
  | 'UnknownCluster'
  | 'NoCase'
  | 'CaseEnded'
  | 'NoWorker'
  | 'InDoubt'
  | 'Refused'
  | 'TemporalUnavailable'
  | 'AccessDenied'
  | 'Unexpected';

/** The only error that the client throws. The message is for people and says what to do. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;

  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a call was about, for its error. */
export interface Asked {
  /** Verb and object: `ask for the status of job counts`. */
  readonly what: string;
  readonly address: string;
  readonly namespace: string;
  /** Whether the answer comes from a worker (query, update) and not from the server. */
  readonly needsWorker: boolean;
  /** Whether a lost answer may hide an effect. */
  readonly writes: boolean;
}

/** gRPC status codes. */
const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadline: 4,
  notFound: 5,
  denied: 7,
  exhausted: 8,
  precondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The sentence for whatever a call threw. */
export function explain(error: unknown, asked: Asked): ClientError {
  const say = (code: ClientErrorCode, message: string) => new ClientError(code, message, { cause: error });
  if (error instanceof ClientError) return error;
  if (error instanceof WorkflowUpdateFailedError) {
    return say('Refused', error.cause?.message ?? error.message);
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return noAnswer(say, asked);
  if (error instanceof QueryNotRegisteredError) {
    return say(
      'Unexpected',
      `could not ${asked.what}: the worker runs another version of Holdfast (${error.message})`,
    );
  }
  if (error instanceof NamespaceNotFoundError) return noNamespace(say, asked);
  if (error instanceof WorkflowNotFoundError) {
    return /already completed/i.test(error.message)
      ? say('CaseEnded', `could not ${asked.what}: the case is over`)
      : say('NoCase', `could not ${asked.what}: no case is open, and none is remembered`);
  }
  if (error instanceof WorkflowFailedError || error instanceof WorkflowExecutionAlreadyStartedError) {
    return say('Unexpected', `could not ${asked.what}: ${error.message}`);
  }
  const grpc = isGrpcServiceError(error)
    ? error
    : error instanceof ServiceError && isGrpcServiceError(error.cause)
      ? error.cause
      : null;
  if (grpc === null) {
    const message = error instanceof Error ? error.message : String(error);
    return say('Unexpected', `could not ${asked.what}: ${message}`);
  }
  switch (grpc.code as number) {
    case GRPC.notFound:
      if (/namespace/i.test(grpc.details)) return noNamespace(say, asked);
      return say('NoCase', `could not ${asked.what}: no case is open, and none is remembered`);
    case GRPC.denied:
    case GRPC.unauthenticated:
      return say(
        'AccessDenied',
        `could not ${asked.what}: Temporal at ${asked.address} refuses the credentials (${grpc.details}); check temporal.apiKey and temporal.tls`,
      );
    case GRPC.precondition:
      if (asked.needsWorker) return noAnswer(say, asked);
      return say('Unexpected', `could not ${asked.what}: ${grpc.details}`);
    case GRPC.deadline:
    case GRPC.cancelled:
      return asked.needsWorker ? noAnswer(say, asked) : unavailable(say, asked, 'no answer in time');
    case GRPC.unavailable:
    case GRPC.exhausted:
      return unavailable(say, asked, grpc.details);
    default:
      return say('Unexpected', `could not ${asked.what}: ${grpc.details}`);
  }
}

type Say = (code: ClientErrorCode, message: string) => ClientError;

function noAnswer(say: Say, asked: Asked): ClientError {
  return asked.writes
    ? say(
        'InDoubt',
        `no answer to: ${asked.what}. Probably no worker is running; start one with: holdfast worker. It may be heard later; to say the same again is safe`,
      )
    : say('NoWorker', `could not ${asked.what}: no worker answers; start one with: holdfast worker`);
}

function unavailable(say: Say, asked: Asked, why: string): ClientError {
  return say(
    'TemporalUnavailable',
    `could not ${asked.what}: Temporal does not answer at ${asked.address} (${why}); check temporal.address, or start it with: holdfast dev`,
  );
}

function noNamespace(say: Say, asked: Asked): ClientError {
  return say(
    'AccessDenied',
    `could not ${asked.what}: Temporal at ${asked.address} has no namespace '${asked.namespace}'; correct temporal.namespace, or create it`,
  );
}
