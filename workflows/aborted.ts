import { ApplicationFailure } from '@temporalio/workflow';
import { abortLedger, RECOVERY_ABORTED } from '../domain/abort-ledger.js';
import { openedOf, type Case } from './case.js';
import { statusOf, tell } from './story.js';

/** The end of an aborted case: a failure, so that whoever executes it knows; with everything that is known. */
export function recoveryAborted(the: Case): ApplicationFailure {
  const { job } = openedOf(the);
  const said = the.desk.close;
  the.because = the.stopped ?? the.because;
  tell(the, 'closed');
  const status = statusOf(the);
  const ledger = abortLedger({
    job,
    cluster: status.cluster,
    openedAt: status.openedAt,
    attempt: status.attempt,
    attempts: status.attempts,
    failures: status.failures,
    ladder: status.ladder,
    restored: status.restored,
    repairs: status.repairs,
    timeLeft: status.timeLeft,
    stops: the.stops,
    starts: the.starts,
    because: the.because,
    closed: said,
    submitted: the.submitted,
    openSubmission: the.openSubmission,
    next: `holdfast recover ${job} --reason …`,
  });
  const who = said === null ? 'policy afterAbort: fail' : `closed by ${said.by}: ${said.reason}`;
  const why = the.because === null ? '' : ` ${the.because.code}: ${the.because.message.slice(0, 500)}.`;
  return ApplicationFailure.nonRetryable(
    `the recovery of ${job} was aborted.${why} ${who}. Everything is kept`,
    RECOVERY_ABORTED,
    ledger,
  );
}
