/**
 * A start from nothing (promise 1): only by a person's word, or by policy `firstStart` for a job that never had state;
 * only when nobody else brings the job back; and not before everything that is given up was looked at.
 */
import type { Evidence } from './evidence.js';
import { ask, type Next } from './next.js';
import { fault } from './failure.js';
import { parseKafkaFrom, KAFKA_FROM, type FromNothing, type GivenUp } from './kafka-from.js';
import type { Ladder } from './ladder.js';

/** Points that a start names as given up. */
const MOST_GIVEN_UP = 20;

/**
 * What a person's word to start from nothing leads to. Broken points are given up; a sound one, or one that cannot be
 * judged, only when the person says so again, knowing of it.
 */
export function decideStart(e: Evidence, from: FromNothing, ladder: Ladder): Next {
  if (parseKafkaFrom(from.kafkaFrom) === null) {
    const because = fault('ConfigInvalid', `expected ${KAFKA_FROM}, found ${JSON.stringify(from.kafkaFrom)}`);
    return ask('from nothing', because, because.message, null, []);
  }
  const gaveUp: GivenUp[] = [];
  for (const { point } of ladder.rungs) {
    const verdict = e.verdicts[point.path];
    // While a source is away nothing is read: it would only fail. The question below names the source.
    if (verdict === undefined && ladder.unknown.length === 0) return { do: 'readState', point };
    const because =
      verdict === undefined
        ? ''
        : verdict.is === 'sound'
          ? 'every file of it is there'
          : verdict.reasons.map((r) => r.message).join('; ');
    gaveUp.push({ path: point.path, verdict: verdict?.is ?? 'not read', because: because.slice(0, 300) });
    if (verdict !== undefined && verdict.is !== 'broken') break;
  }
  if (e.policy.attempts === 0) {
    const message = `attempts is 0: would start from nothing, Kafka from ${from.kafkaFrom}`;
    return { do: 'abort', fault: fault('AttemptsExhausted', message) };
  }
  const start: Next = {
    do: 'start',
    from,
    gaveUp: gaveUp.slice(0, MOST_GIVEN_UP),
    because: `${from.by}: ${from.reason}`,
  };
  const kept = gaveUp.find((g) => g.verdict !== 'broken');
  const [blind] = ladder.unknown;
  if (kept === undefined && blind === undefined) return start;
  const because =
    blind === undefined
      ? fault('StateForeign', `${kept?.path} is ${kept?.verdict} and would be given up`, kept?.path)
      : fault(blind.code, `restore points may lie where nobody can look now: ${blind.message}`, blind.where);
  const text = [
    `${from.by} wants to start from nothing, Kafka from ${from.kafkaFrom} (${from.reason}).`,
    ...ladder.unknown.map((f) => `Cannot be looked at: ${f.where ?? ''} ${f.message}.`),
    ...gaveUp.filter((g) => g.verdict !== 'broken').map((g) => `${g.path}: ${g.verdict}, ${g.because}.`),
    'What is in these points is not counted again by itself.',
  ].join(' ');
  const gives = kept === undefined ? 'what lies there' : kept.path;
  const question = ask(
    'from nothing',
    because,
    text,
    `start from nothing, Kafka from ${from.kafkaFrom}, and give up ${gives}`,
    kept === undefined ? [] : [kept.path],
  );
  return e.approved.includes(question.plan.digest) ? start : question;
}

/**
 * A first start by policy: nothing was found in any source, every source could be looked at, and the ledger has watched
 * every run of the job from its first moment without a gap and never saw a checkpoint. Null: a person has to decide.
 */
export function firstStart(e: Evidence): FromNothing | null {
  const { firstStart: policy } = e.policy;
  const a = e.assessment;
  if (policy === 'ask' || a === null || a.ledger.is !== 'present' || a.runs.is !== 'present') return null;
  const ledger = a.ledger.value;
  const watched =
    ledger.complete &&
    ledger.gaps.length === 0 &&
    ledger.points.length === 0 &&
    ledger.runs.length > 0 &&
    ledger.runs.length < ALL_REMEMBERED &&
    ledger.runs.every((r) => r.restoredFrom.is === 'nothing' && r.started >= ledger.watchedSince);
  const shown = a.runs.value.every(
    (r) =>
      r.completed === 0 &&
      r.newest === null &&
      r.latest === null &&
      r.restoredFrom.is === 'nothing' &&
      ledger.runs.some((known) => known.run === r.run),
  );
  const sources = e.pointers?.sources ?? [];
  const looked = sources.length > 0 && sources.every((s) => s.points.is !== 'unknown');
  if (!watched || !shown || !looked) return null;
  return {
    by: 'policy firstStart',
    reason: 'the job was watched from its first run on and never completed a checkpoint',
    kafkaFrom: policy.kafkaFrom,
  };
}

/** The ledger forgets runs beyond this number: with as many, an older one may have had a checkpoint. */
const ALL_REMEMBERED = 10;
