import { describe, expect, test } from 'vitest';
import { FormatError } from '../../formats/format-error.js';
import { readJobResult } from '../../formats/job-result.js';

const RUN = 'd2823c38b4fe5b0d4aad46b16633c563';
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
/** As `JsonJobResultEntry` and `JobResultSerializer` of Flink 1.20 and 2.2 write it. */
const entry = (result: object = {}, outer: object = {}) => ({
  result: {
    id: RUN,
    'application-status': 'FAILED',
    'accumulator-results': {},
    'net-runtime': 12_345,
    'failure-cause': {
      class: 'org.apache.flink.runtime.JobException',
      'stack-trace': 'org.apache.flink.runtime.JobException: Recovery is suppressed',
      'serialized-throwable': 'rO0ABXNy',
    },
    ...result,
  },
  version: 1,
  ...outer,
});

describe('a job result', () => {
  test.each([
    ['SUCCEEDED', 'FINISHED'],
    ['FAILED', 'FAILED'],
    ['CANCELED', 'CANCELED'],
    ['UNKNOWN', null],
  ])('with status %s is of a run that ended as %s', (status, state) => {
    expect(readJobResult(bytes(entry({ 'application-status': status })))).toEqual({ run: RUN, state });
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['half of it', JSON.stringify(entry()).slice(0, 60)],
    ['zeros', '\0\0\0\0'],
    ['another object', {}],
    ['a list', []],
    ['another version', entry({}, { version: 2 })],
    ['no status', entry({ 'application-status': undefined })],
    ['a status that Flink does not have', entry({ 'application-status': 'constructor' })],
    ['no job id', entry({ id: 'x' })],
  ])('is refused when there is %s instead', (_what, value) => {
    expect(() => readJobResult(bytes(value))).toThrow(FormatError);
  });

  test('is refused at every truncation', () => {
    const whole = bytes(entry());
    for (let end = 0; end < whole.length; end++)
      expect(() => readJobResult(whole.subarray(0, end)), `${end} bytes`).toThrow(FormatError);
  });
});
