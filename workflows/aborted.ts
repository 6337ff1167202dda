/** The end of a case in which nothing more is tried. */
import { ApplicationFailure } from '@temporalio/workflow';
import { fitted, lasting, RECOVERY_ABORTED, type AbortReport } from '../domain/abort-report.js';
import type { Case } from './case.js';
import { statusOf, tell } from './story.js';

/** The failure that ends an aborted case: its ledger of at most 32 KB goes with it, and outlives the worker. */
export function recoveryAborted(the: Case): ApplicationFailure {
  const report = reportOf(the);
  if (the.desk.close !== null) tell(the, 'closed');
  const { because, closedBy } = report;
  const why = because === null ? 'aborted' : `${because.code}: ${because.message}`;
  const closed = closedBy === null ? '' : `; closed by ${closedBy.by}: ${closedBy.reason}`;
  return ApplicationFailure.nonRetryable(`${why}${closed}`, RECOVERY_ABORTED, report);
}

function reportOf(the: Case): AbortReport {
  const s = statusOf(the);
  const { evidence } = the;
  const ledger = evidence?.assessment?.ledger;
  return fitted({
    job: s.job,
    cluster: s.cluster,
    because: the.stopped,
    closedBy: the.desk.close,
    attempts: { failed: the.failed, granted: the.granted },
    situation: s.situation,
    ladder: s.ladder,
    lasts: evidence === null ? [] : lasting(evidence),
    ledger: ledger?.is === 'present' ? { runs: ledger.value.runs, points: ledger.value.points } : null,
    submitted: the.submitted,
    openSubmission: the.openSubmission,
    restored: s.restored,
    repairs: s.repairs,
    failures: s.failures,
    next: [`holdfast recover ${s.job} --reason …`],
    leftOut: [],
  });
}
