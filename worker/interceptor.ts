/**
 * The one place where faults become Temporal failures. Every fault of a step is non-retryable for Temporal: whether it is
 * tried again is decided by the attempt loop of the workflow, where it counts and can be seen.
 */
import type { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptors, ActivityInterceptorsFactory } from '@temporalio/worker';
import { ClientError } from '../client/index.js';
import { fault, faultOf, HoldfastError, type Fault } from '../domain/failure.js';
import type { Scrubber } from './scrub.js';

/** JSON bytes of a result. A larger one would make histories that nobody can load. */
export const RESULT_BYTES = 128 * 1024;
/** The server keeps at most 4 KB of a failure. */
const MESSAGE_CHARACTERS = 1000;

export function stepInterceptor(scrub: Scrubber): ActivityInterceptorsFactory {
  return (context): ActivityInterceptors => ({
    inbound: {
      execute: async (input, next) => {
        let result: unknown;
        try {
          result = await next(input);
        } catch (error) {
          throw failureOf(error, context, scrub);
        }
        return checkedResult(result, context, scrub);
      },
    },
  });
}

function checkedResult(result: unknown, context: Context, scrub: Scrubber): unknown {
  if (result === undefined) return undefined;
  const clean = scrub.data(result);
  const bytes = Buffer.byteLength(JSON.stringify(clean) ?? '');
  if (bytes <= RESULT_BYTES) return clean;
  throw asFailure(
    fault(
      'Unclassified',
      `the result of ${context.info.activityType} has ${bytes} bytes, expected at most ${RESULT_BYTES}: it was not recorded`,
    ),
  );
}

/** What a step threw, as Temporal and the workflow understand it. */
export function failureOf(
  error: unknown,
  context: Pick<Context, 'cancellationSignal'>,
  scrub: Scrubber,
): Error {
  const { aborted } = context.cancellationSignal;
  const reason: unknown = context.cancellationSignal.reason;
  if (aborted && reason instanceof CancelledFailure) {
    // A step cut off by its worker's end runs again elsewhere and does not count, whatever it threw in its last moment.
    if (reason.message === 'WORKER_SHUTDOWN') return reason;
    if (!(error instanceof HoldfastError)) return reason;
  }
  if (error instanceof CancelledFailure) return error;
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ClientError && isPassing(error)) {
    return ApplicationFailure.create({
      message: scrub.text(error.message),
      type: error.code,
      nonRetryable: false,
    });
  }
  const of = faultOf(error);
  const clean: Fault = { ...scrub.data(of), message: scrub.text(of.message).slice(0, MESSAGE_CHARACTERS) };
  return asFailure(clean, error instanceof Error ? scrub.text(error.stack ?? '') : undefined);
}

/** Temporal itself did not answer: a technical failure of the step, not one of the outside that is recovered. */
const isPassing = (error: ClientError): boolean =>
  error.code === 'TemporalUnavailable' || error.code === 'InDoubt' || error.code === 'NoWorker';

function asFailure(of: Fault, stack?: string): ApplicationFailure {
  const failure = ApplicationFailure.nonRetryable(of.message, of.code, of);
  if (stack !== undefined && stack !== '') failure.stack = stack;
  return failure;
}
