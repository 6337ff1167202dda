/** Down the ladder (design, 4.5 and 4.6): which point is restored, and what has to be accepted or asked before. */
import { costOf } from './cost.js';
import { decideStart, firstStart } from './decide-start.js';
import type { Evidence } from './evidence.js';
import { fault, type Fault } from './failure.js';
import { buildLadder, type Ladder } from './ladder.js';
import { lastPass } from './last-pass.js';
import { ask, type Next } from './next.js';
import { expiredTransactions, type OffsetCheck } from './offsets.js';
import type { Policy } from './policy.js';
import type { RestorePoint, SnapshotFacts } from './restore-point.js';
import { branchLine } from './side-by-side.js';

/** Nobody but us brings the job back: find the point, prove it, check Kafka, restore. */
export function decideRestore(e: Evidence): Next {
  if (e.policy.attempts === 0) {
    return e.pointers === null ? { do: 'fetchPointer' } : observe(e, buildLadder(e.pointers, e.chosen));
  }
  if (e.pointers === null) return { do: 'fetchPointer' };
  return walk(e, buildLadder(e.pointers, e.chosen));
}

/** What a restore would be, if nobody but us could bring the job back now: looks and a decision, never an act. */
export const wouldRestore = (e: Evidence): Next =>
  e.pointers === null
    ? { do: 'fetchPointer' }
    : walk({ ...e, policy: { ...e.policy, attempts: null } }, buildLadder(e.pointers, e.chosen));

/** Policy `observe`: say what would be done, do nothing. */
function observe(e: Evidence, ladder: Ladder): Next {
  const next = walk({ ...e, policy: { ...e.policy, attempts: null } }, ladder);
  if (next.do === 'ask') return { do: 'ask', plan: { ...next.plan, approves: null } };
  if (next.do === 'start') {
    const message = `attempts is 0: would start from nothing, Kafka from ${next.from.kafkaFrom}`;
    return { do: 'abort', fault: fault('AttemptsExhausted', message) };
  }
  if (next.do !== 'restore') return next;
  return {
    do: 'abort',
    fault: fault('AttemptsExhausted', `attempts is 0: would restore ${next.point.path}`, next.point.path),
  };
}

/** Down the ladder: never past an unknown rung, past a broken one only by policy. */
function walk(e: Evidence, ladder: Ladder): Next {
  const [blind] = ladder.unknown;
  if (blind !== undefined) return { do: 'fail', fault: blind };
  if (ladder.branch !== null) return askBranch(e, ladder.branch);
  if (ladder.rungs.length === 0) return nothingFound(e);
  if (e.lastPass === true) return lastResort(e, ladder);
  const broken: { path: string; reason: Fault }[] = [];
  for (const { point } of ladder.rungs) {
    if (broken.length > 0 && !mayFallBackTo(e.policy, point)) continue;
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    switch (verdict.is) {
      case 'unknown':
        return {
          do: 'fail',
          fault: verdict.reasons[0] ?? fault('Unclassified', 'the state could not be read', point.path),
        };
      case 'broken':
        broken.push({
          path: point.path,
          reason: verdict.reasons[0] ?? fault('StateCorrupt', 'broken', point.path),
        });
        continue;
      case 'sound':
        return broken.length === 0 || (e.policy.fallback !== 'never' && e.policy.approval !== 'fallback')
          ? take(e, point, verdict.facts, broken)
          : offerOlder(e, point, verdict.facts, broken);
    }
  }
  const [first] = broken;
  return ask(
    'no sound point',
    first?.reason ?? fault('StateLost', 'no restore point is sound'),
    `None of ${ladder.rungs.length} restore points is sound and allowed: ${broken.map((b) => `${b.path} (${b.reason.message})`).join('; ')}`,
    null,
    ladder.rungs.map((r) => r.point.path),
  );
}

/** Never chosen for a person; both tops are read first, so that they can be compared. */
function askBranch(e: Evidence, { blank, tops, began }: NonNullable<Ladder['branch']>): Next {
  const facts: string[] = [];
  for (const point of tops) {
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    if (verdict.is === 'unknown')
      return { do: 'fail', fault: verdict.reasons[0] ?? fault('Unclassified', 'not readable', point.path) };
    facts.push(branchLine(point, point === tops[0] ? began : 'is older', verdict));
  }
  const [top, other] = tops;
  const because = fault(
    'StateForeign',
    `run ${blank} ${began} although older runs have restore points`,
    top.path,
  );
  const text = `Two branches exist: ${top.path} (run ${blank}, ${began}) and ${other.path}. Choose one.`;
  return ask('branch', because, text, null, [top.path, other.path], facts);
}

/** The one pass after the last attempt: a savepoint, or nothing. */
function lastResort(e: Evidence, ladder: Ladder): Next {
  const found = lastPass(ladder.rungs, e.verdicts, e.refused ?? []);
  switch (found.is) {
    case 'read':
      return { do: 'readState', point: found.point };
    case 'unknown':
      return { do: 'fail', fault: found.because };
    case 'nothing':
      return { do: 'abort', fault: fault('AttemptsExhausted', `no savepoint was taken: ${found.because}`) };
    case 'take': {
      const next = take(e, found.point, found.facts, found.passed);
      const because = `onExhausted: savepoint; of ${found.passed.length} newer points none can be had`;
      return next.do === 'restore' ? { ...next, because } : next;
    }
  }
}

/** With `never` all rungs are still read, so that the question can name a sound one. */
function mayFallBackTo(policy: Policy, point: RestorePoint): boolean {
  return policy.fallback !== 'savepoint' || point.kind === 'savepoint';
}

function offerOlder(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  broken: readonly { path: string; reason: Fault }[],
): Next {
  const reason = broken[0]?.reason ?? fault('StateCorrupt', 'broken');
  const question = ask(
    'fallback',
    reason,
    `The newest restore point is broken (${reason.message}). ${point.path} is sound: restoring it replays everything since, and what the sink already got comes again.`,
    `restore ${point.path}`,
    [point.path],
  );
  const taken = take(e, point, facts, broken);
  if (e.approved.includes(question.plan.digest) || taken.do === 'checkOffsets') return taken;
  return { do: 'ask', plan: { ...question.plan, facts: costIn(e, point, facts, broken.length) } };
}

/** What restoring a point costs, as far as it was looked at. */
export function costIn(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  passed = 0,
): readonly string[] {
  const check = e.offsets[point.path];
  const known = check?.is === 'present' ? check.value : null;
  return costOf({ point, facts, check: known, assessment: e.assessment, passed });
}

/** A sound point. Kafka, age and claim hazards have their say, then it is restored. */
function take(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  broken: readonly { path: string; reason: Fault }[],
): Next {
  const check = e.offsets[point.path];
  if (check === undefined) return { do: 'checkOffsets', point, facts };
  if (check.is === 'unknown') return { do: 'fail', fault: check.because };
  const why =
    broken.length === 0
      ? 'it is the newest restore point and every file of it is sound'
      : `${broken.length} newer points are broken`;
  const restore: Next = { do: 'restore', point, facts, because: why };
  const cost = costIn(e, point, facts, broken.length);
  for (const objection of objections(e, point, facts, check.is === 'present' ? check.value : null)) {
    if (objection.do === 'abort') return objection;
    if (!e.approved.includes(objection.plan.digest))
      return { do: 'ask', plan: { ...objection.plan, facts: cost } };
  }
  return restore;
}

type Objection = Extract<Next, { do: 'ask' | 'abort' }>;

/** Everything that a policy or a person has to accept before this point may be restored. */
function objections(
  e: Evidence,
  point: RestorePoint,
  facts: SnapshotFacts,
  check: OffsetCheck | null,
): readonly Objection[] {
  const found: Objection[] = [];
  const does = `restore ${point.path} all the same`;
  const assessed = e.assessment;
  if (
    e.policy.maxStateAge !== null &&
    point.time !== null &&
    assessed !== null &&
    assessed.at - point.time > e.policy.maxStateAge
  ) {
    const age = Math.round((assessed.at - point.time) / 1000);
    const because = fault(
      'StateTooOld',
      `the restore point is ${age} s old, allowed are ${e.policy.maxStateAge / 1000} s`,
      point.path,
    );
    found.push(ask('state age', because, because.message, does, []));
  }
  if (facts.claimHazards.length > 0) {
    const because = fault('StateIncompatible', facts.claimHazards.join('; '), point.path);
    found.push(
      ask(
        'claim',
        because,
        `This point cannot be restored without consequences: ${because.message}`,
        does,
        [],
      ),
    );
  }
  if (check !== null) found.push(...offsetObjections(e, point, check, does));
  if (e.policy.approval === 'always') {
    const because = fault('ApprovalNeeded', 'policy approval: always', point.path);
    const replay = check === null ? '' : ` ${check.toReplay} records will be replayed.`;
    found.push(ask('approval', because, `Restore ${point.path}?${replay}`, `restore ${point.path}`, []));
  }
  return found;
}

function offsetObjections(
  e: Evidence,
  point: RestorePoint,
  check: OffsetCheck,
  does: string,
): readonly Objection[] {
  const found: Objection[] = [];
  if (check.replaced.length > 0) {
    const because = fault('LogReplaced', check.replaced.slice(0, 5).join('; '), point.path);
    found.push(
      ask(
        'log replaced',
        because,
        `Kafka does not hold the log that the state was made from: ${because.message}`,
        does,
        [],
      ),
    );
  }
  if (check.gone.length > 0) {
    const list = check.gone.slice(0, 10).map((g) => `${g.topic}/${g.partition}: ${g.records} records`);
    const because = fault(
      'OffsetsGone',
      `records after the restore point are gone: ${list.join(', ')}`,
      point.path,
    );
    if (e.policy.onOffsetGap === 'abort') found.push({ do: 'abort', fault: because });
    if (e.policy.onOffsetGap === 'ask')
      found.push(ask('offset gap', because, `${because.message}. They will not be counted.`, does, []));
  }
  const t = check.transactions;
  if (t !== null && t.outageMs > t.timeoutMs && e.policy.onTransactionExpired === 'ask') {
    const because = fault(
      'TransactionsExpired',
      `the outage lasts ${t.outageMs} ms, the sink's transactions expire after ${t.timeoutMs} ms`,
      point.path,
    );
    found.push(
      ask(
        'transactions',
        because,
        `${because.message}: ${expiredTransactions(check, point.time) ?? ''}.`,
        does,
        [],
      ),
    );
  }
  return found;
}

/** No rung at all, and every source was looked at. */
function nothingFound(e: Evidence): Next {
  const ledger = e.assessment?.ledger;
  const known = ledger?.is === 'present' ? ledger.value.points : [];
  if (known.length > 0) {
    const list = known.map((p) => p.path).join(', ');
    return { do: 'abort', fault: fault('StateLost', `restore points were known and all are gone: ${list}`) };
  }
  const because = fault('StateLost', 'no restore point was found in any source, and none is remembered');
  const first = firstStart(e);
  if (first !== null && e.policy.approval !== 'always' && e.pointers !== null)
    return decideStart(e, first, buildLadder(e.pointers, null));
  return ask(
    'nothing to restore',
    because,
    `${because.message}. If it never had state: holdfast recover JOB --from-nothing --kafka-from POSITION --reason …`,
    null,
    [],
  );
}
