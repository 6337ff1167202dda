/** What one execution of a case leaves to the next. */
import { expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { pointFromPath } from '../../domain/restore-point.js';
import { carry, newCase } from '../../workflows/case.js';
import { path, RUN_A, RUN_B } from '../support/evidence.js';

const from = { path: path(RUN_A, 12), by: 'ada', reason: 'the newest is suspect' };

test('carries over what was counted, submitted, approved and said', () => {
  const the = newCase({ job: 'window-counts', carried: { origin: 'first-run' } });
  the.failed = 3;
  the.granted = 5;
  the.submitted = [RUN_B];
  the.openSubmission = { run: RUN_B, point: from.path };
  the.approved = ['digest'];
  the.stopped = fault('Aborted', 'ada: enough');
  the.paused = 60_000;
  the.stopping = [RUN_A];
  the.startedBlank = RUN_B;
  const next = newCase({ job: 'window-counts', carried: structuredClone(carry(the)) });
  expect(carry(next)).toEqual(carry(the));
  expect(next).toMatchObject({ origin: 'first-run', failed: 3, openSubmission: { run: RUN_B } });
});

test('learns anew what is only seen', () => {
  const the = newCase({ job: 'window-counts', carried: { origin: 'first-run' } });
  the.situation = { is: 'abandoned', because: 'run a is FAILED' };
  the.waiting = { for: 'storage', since: 1, until: 2 };
  const next = newCase({ job: 'window-counts', carried: carry(the) });
  expect(next).toMatchObject({ situation: null, waiting: null, opened: null, phase: 'opening' });
});

test('takes the restore point that was named at the start once', () => {
  const the = newCase({ job: 'window-counts', from, carried: { origin: 'first-run' } });
  expect(the.chosen).toEqual(pointFromPath(from.path));
  the.chosen = null;
  expect(newCase({ job: 'window-counts', from, carried: carry(the) }).chosen).toBeNull();
});
