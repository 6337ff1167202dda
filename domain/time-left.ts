/** How long what a recovery needs will last, and what gives it more time (design, 4.1 and 4.7). */
import type { Evidence } from './evidence.js';
import { buildLadder } from './ladder.js';

export interface TimeLeft {
  readonly of: 'kafka' | 'transactions' | 'state' | 'flink' | 'ledger';
  /** What lasts so long. */
  readonly what: string;
  /** Epoch milliseconds; null: it does not run out by itself. */
  readonly until: number | null;
  /** What is lost then, or who could end it. */
  readonly then: string;
  /** The command that gives more time; null when there is none. */
  readonly extend: string | null;
}

/** Flink's default of `jobstore.expiration-time` (milliseconds): after that it forgets a run that has ended. */
const FLINK_FORGETS = 60 * 60_000;

/** Counted from the look, so at worst a little short. */
export function timeLeftOf(e: Evidence): readonly TimeLeft[] {
  const { assessment } = e;
  if (assessment === null) return [];
  return [...kafkaOf(e, assessment.at), ...stateOf(e), ...flinkOf(e), ...ledgerOf(e)];
}

/** The newest look at each thing; what this attempt has not looked at yet is still known from the one before. */
export function newestTimeLeft(known: readonly TimeLeft[], seen: readonly TimeLeft[]): readonly TimeLeft[] {
  return [...seen, ...known.filter((k) => !seen.some((s) => s.of === k.of))];
}

function kafkaOf(e: Evidence, at: number): readonly TimeLeft[] {
  const rungs = e.pointers === null ? [] : buildLadder(e.pointers, e.chosen).rungs;
  const checked = rungs.map((r) => e.offsets[r.point.path]).find((check) => check?.is === 'present');
  if (checked?.is !== 'present') return [];
  const { expires, transactions } = checked.value;
  const found: TimeLeft[] = [];
  if (expires !== null) {
    const { topic, partition, inMs } = expires;
    found.push({
      of: 'kafka',
      what: `Kafka holds the first needed record, in ${topic}/${partition}`,
      until: at + inMs,
      then: 'records after the restore point are deleted, oldest first',
      extend: `kafka-configs.sh --bootstrap-server BROKERS --alter --entity-type topics --entity-name ${topic} --add-config retention.ms=MILLISECONDS`,
    });
  }
  if (transactions !== null)
    found.push({
      of: 'transactions',
      what: "the sink's transactions that wait to be committed",
      until: at + transactions.timeoutMs - transactions.outageMs,
      then: 'Kafka aborts them: what the last checkpoint had pre-committed may be missing at the sink',
      extend: null,
    });
  return found;
}

function stateOf(e: Evidence): readonly TimeLeft[] {
  if (e.pointers === null) return [];
  const { rungs } = buildLadder(e.pointers, e.chosen);
  if (rungs.length === 0) return [];
  const what = rungs.length === 1 ? 'the restore point' : `the ${rungs.length} restore points`;
  return [
    {
      of: 'state',
      what,
      until: null,
      then: 'no run of Flink owns them any more: only a clean-up job or a person deletes them',
      extend: null,
    },
  ];
}

function flinkOf(e: Evidence): readonly TimeLeft[] {
  const runs = e.assessment?.runs.is === 'present' ? e.assessment.runs.value : [];
  const ended = runs.find((r) => r.ended !== null);
  if (ended?.ended === null || ended === undefined) return [];
  return [
    {
      of: 'flink',
      what: `Flink's own record of run ${ended.run}: its first fault, its checkpoints`,
      until: ended.ended + FLINK_FORGETS,
      then: 'Flink forgets the run (default of jobstore.expiration-time); the case keeps what it has read',
      extend: null,
    },
  ];
}

function ledgerOf(e: Evidence): readonly TimeLeft[] {
  if (e.assessment?.ledger.is !== 'present') return [];
  return [
    {
      of: 'ledger',
      what: 'the ledger of runs and restore points',
      until: null,
      then: 'it is kept by Temporal as long as the watch over the cluster is open',
      extend: null,
    },
  ];
}
