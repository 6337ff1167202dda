import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { ClientError } from '../../client/index.js';
import { FAILURES, failure, type FailureCode } from '../../domain/failure.js';
import { RESULT_BYTES, stepInterceptor } from '../../worker/interceptor.js';
import { createLog } from '../../worker/logger.js';
import { scrubber } from '../../worker/scrub.js';

const SECRET = 'pa55"word/ü';
const quiet = {
  log: () => undefined,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function environment() {
  return new MockActivityEnvironment(
    {},
    { interceptors: [stepInterceptor(scrubber([SECRET]))], logger: quiet },
  );
}

/** What a step that throws is reported as. */
async function reported(thrown: unknown): Promise<ApplicationFailure> {
  const error: unknown = await environment()
    .run(async () => {
      throw thrown;
    })
    .catch((e: unknown) => e);
  if (error instanceof ApplicationFailure) return error;
  throw new Error(`expected an ApplicationFailure, found ${String(error)}`);
}

describe('a fault', () => {
  test.each(Object.keys(FAILURES) as FailureCode[])(
    '%s keeps its code and its place, and is never retried by Temporal',
    async (code) => {
      const found = await reported(failure(code, 'expected x, found y', 'hdfs://prod/flink/chk-12'));
      expect(found).toMatchObject({
        type: code,
        message: 'expected x, found y',
        nonRetryable: true,
        details: [{ code, message: 'expected x, found y', where: 'hdfs://prod/flink/chk-12' }],
      });
    },
  );

  test('that nobody classified is Unclassified', async () => {
    expect(await reported(new TypeError('x is not a function'))).toMatchObject({
      type: 'Unclassified',
      nonRetryable: true,
      details: [{ code: 'Unclassified', message: 'TypeError: x is not a function' }],
    });
  });

  test('is kept below the size that the server cuts at', async () => {
    const found = await reported(failure('StateCorrupt', 'x'.repeat(100_000)));
    expect(found.message).toHaveLength(1000);
  });

  test('carries no secret: not in message, place, details or stack', async () => {
    const thrown = failure(
      'AuthFailed',
      `refused ${SECRET}`,
      `http://nn/?token=${encodeURIComponent(SECRET)}`,
    );
    const found = await reported(thrown);
    expect(found.message).toBe('refused ***');
    expect(JSON.stringify(found.details)).toBe(
      '[{"code":"AuthFailed","message":"refused ***","where":"http://nn/?token=***"}]',
    );
    expect(found.stack).not.toContain(SECRET);
    expect(found.cause).toBeUndefined();
  });
});

test('Temporal not answering is a technical failure: the step runs again and no attempt is counted', async () => {
  expect(await reported(new ClientError('TemporalUnavailable', 'no answer'))).toMatchObject({
    nonRetryable: false,
  });
  expect(await reported(new ClientError('UnknownJob', 'no such job'))).toMatchObject({ nonRetryable: true });
});

describe('a step that is cut off', () => {
  const cutOff = async (why: 'CANCELLED' | 'WORKER_SHUTDOWN', thrown: Error) => {
    const env = environment();
    const run = env.run(
      async () =>
        new Promise((_, reject) => {
          setImmediate(() => {
            env.cancel(why);
            reject(thrown);
          });
        }),
    );
    return run.catch((e: unknown) => e);
  };

  test('by the end of its worker runs again, whatever it threw in its last moment', async () => {
    expect(await cutOff('WORKER_SHUTDOWN', failure('StorageUnavailable', 'socket closed'))).toBeInstanceOf(
      CancelledFailure,
    );
  });

  test('by a cancellation is cancelled, not failed', async () => {
    const aborted = Object.assign(new Error('This operation was aborted'), { name: 'AbortError' });
    expect(await cutOff('CANCELLED', aborted)).toBeInstanceOf(CancelledFailure);
  });

  test('by a cancellation still says what it had learned', async () => {
    expect(await cutOff('CANCELLED', failure('StateIncompatible', 'refused'))).toMatchObject({
      type: 'StateIncompatible',
    });
  });
});

describe('a result', () => {
  test('passes as it is', async () => {
    const result = { is: 'present', value: [1, 'two', null] };
    expect(await environment().run(async () => result)).toEqual(result);
    expect(await environment().run(async () => undefined)).toBeUndefined();
  });

  test('carries no secret, neither in values nor in keys', async () => {
    const result = { [SECRET]: [`Basic ${Buffer.from(SECRET).toString('base64')}`, { deep: `x${SECRET}y` }] };
    expect(await environment().run(async () => result)).toEqual({ '***': ['Basic ***', { deep: 'x***y' }] });
  });

  test('over 128 KB fails for good instead of filling the history', async () => {
    const run = (characters: number) => environment().run(async () => 'x'.repeat(characters));
    await expect(run(RESULT_BYTES - 2)).resolves.toHaveLength(RESULT_BYTES - 2);
    await expect(run(RESULT_BYTES - 1)).rejects.toMatchObject({ type: 'Unclassified', nonRetryable: true });
  });
});

describe('the log', () => {
  const lines: string[] = [];
  const log = createLog(scrubber([SECRET]), { out: { write: (line: string) => void lines.push(line) } });

  test('is JSON without secrets, in whatever field they come', () => {
    log.warn({ err: new Error(`no ${SECRET}`), nested: { password: 'other' }, [SECRET]: 1 }, `saw ${SECRET}`);
    const [line = ''] = lines;
    expect(JSON.parse(line)).toMatchObject({ msg: 'saw ***', nested: { password: '[Redacted]' }, '***': 1 });
    expect(line).not.toContain('pa55');
  });
});
