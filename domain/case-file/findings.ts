/** What each step found, for people: one line per reading, with its reason where it is unknown. */
import type { Finding } from './shape.js';
import type { Fault } from '../failure.js';
import type { ResumedOffsets } from '../group-offsets.js';
import type { Pointers } from '../ladder.js';
import type { OffsetCheck } from '../offsets.js';
import type { Reading } from '../reading.js';
import type { RepairCheck, RepairOutcome } from '../repair.js';
import type { RestorePoint, SnapshotFacts, Verdict } from '../restore-point.js';
import { sayRange, type SkippedRange } from '../skipped.js';
import type { StopOutcome } from '../stop.js';
import { situationOf, type Assessment, type DirtyResult } from '../situation.js';

export interface Found {
  /** One sentence. */
  readonly text: string;
  readonly findings: readonly Finding[];
}

/** What was found by a step of that name. A step that this version does not know is shown as it was recorded. */
export function foundBy(step: string, input: unknown, result: unknown): Found {
  switch (step) {
    case 'openCase':
      return { text: 'policy and names are frozen', findings: [] };
    case 'assessRun':
      return assessed(result as Assessment);
    case 'fetchPointer':
      return fetched(result as Pointers);
    case 'readState':
      return read(result as Verdict, (input as { readonly point: RestorePoint }).point.path);
    case 'checkOffsets':
      return checked(result as Reading<OffsetCheck>);
    case 'resumeOffsets':
      return offsetsResumed(result as ResumedOffsets);
    case 'restoreJob':
      return submitted(result as { readonly is: string; readonly state: string | null });
    case 'confirmRestored':
      return confirmed(result as Confirmed);
    case 'examineDeadEnd':
      return examined(result as RepairCheck);
    case 'requestRepair':
      return repaired(result as RepairOutcome);
    case 'awaitReturn': {
      const { is } = result as { readonly is: string };
      const text = is === 'returned' ? 'it went from down to up, proved by two full probes' : is;
      return { text, findings: [] };
    }
    case 'awaitRelease':
      return { text: 'the standing hold was ended', findings: [] };
    case 'setStart':
      return startSet(result as StartSet);
    case 'startJob':
      return submitted(result as { readonly is: string; readonly state: string | null });
    case 'stopRun':
      return stopped(result as StopOutcome);
    default:
      return { text: typeof result === 'string' ? result : brief(result), findings: [] };
  }
}

/** Activities' results as recorded; the activities' own types are not for this room. */
interface StartSet {
  readonly start: readonly string[];
  readonly groupOffsets: ResumedOffsets;
}

export type Confirmed =
  | {
      readonly is: 'proved';
      readonly at: number;
      readonly proofs: readonly string[];
      readonly skipped?: readonly SkippedRange[];
    }
  | { readonly is: 'dead'; readonly fault: Fault }
  | { readonly is: 'unproven'; readonly missing: string };

const line = <T>(of: string, reading: Reading<T>, absent: string, text: (value: T) => string): Finding => {
  switch (reading.is) {
    case 'present':
      return { of, is: 'present', text: text(reading.value) };
    case 'absent':
      return { of, is: 'absent', text: absent };
    case 'unknown':
      return { of, is: 'unknown', text: faultText(reading.because) };
  }
};

const note = (of: string, text: string): Finding => ({ of, is: 'note', text });

export const faultText = ({ code, message, where }: Fault): string =>
  `${code}: ${message}${where === undefined || message.includes(where) ? '' : ` (${where})`}`;

function assessed(a: Assessment): Found {
  const { is, because } = situationOf(a);
  return {
    text: `${is}: ${because}`,
    findings: [
      line('JobManager', a.leader, 'none leads', (l) => `${l.endpoint} leads, Flink ${l.version}`),
      line('HA settings of the cluster', a.settings, 'not told', (s) =>
        s === 'as configured' ? 'as configured here' : s.differs,
      ),
      line('runs of the job', a.runs, 'none', (runs) => runs.map(runText).join('; ') || 'none is shown'),
      line('HA data in ZooKeeper', a.ha, 'none is configured', (ha) =>
        ha.length === 0
          ? 'there is none of any run'
          : ha
              .map(
                (h) =>
                  `${h.run} (${h.belongs}): ${h.graph ? 'graph' : 'no graph'}, ${h.checkpoints} checkpoints`,
              )
              .join('; '),
      ),
      line('job results that wait for clean-up', a.dirty, 'none', (d) =>
        d.map((r) => `${r.path}: ${r.length} bytes${tellsOf(r)}`).join('; '),
      ),
      line(
        'ledger of the watch',
        a.ledger,
        'the job was never watched',
        (l) =>
          `${l.runs.length} runs and ${l.points.length} restore points; ${l.complete ? 'watched without a gap' : `${l.gaps.length} gaps`}`,
      ),
      ...further(a),
    ],
  };
}

const tellsOf = ({ state }: DirtyResult): string => {
  if (state === undefined) return '';
  if (state.is === 'unknown') return `, which cannot be read (${faultText(state.because)})`;
  return state.is === 'present' ? `, which tells ${state.value ?? 'no end'}` : ', gone meanwhile';
};

/** What is looked at only where it matters. */
function further({ needs, lostEntries, archived, traces }: Assessment): readonly Finding[] {
  const found: Finding[] = [];
  if (needs !== undefined)
    found.push(
      note('storage that Flink needs', needs.storage === null ? 'proved usable' : faultText(needs.storage)),
    );
  if (lostEntries !== undefined)
    found.push(
      line('HA files behind the pointers', lostEntries, 'not told', (lost) =>
        lost.length === 0 ? 'all are there' : lost.map((e) => `${e.file} (${e.znode}) is lost`).join('; '),
      ),
    );
  if (archived !== undefined)
    found.push(
      line(
        'how the newest run ended',
        archived,
        'not written anywhere',
        (end) => `${end.run}: ${end.state}, by Flink's ${end.by ?? 'archive'}`,
      ),
    );
  if (traces !== undefined)
    found.push(
      line(
        `what run ${traces.run} leaves behind in ${traces.where}`,
        traces.directory,
        'nothing',
        (it) => it,
      ),
      line(`committed offsets of group ${traces.groupId}`, traces.group, 'no group is a witness', (it) => it),
      note('its tasks may write', `until ${new Date(traces.quietAt).toISOString()}`),
    );
  return found;
}

const runText = (r: Extract<Assessment['runs'], { is: 'present' }>['value'][number]): string =>
  `${r.run}: ${r.state}, ${r.running} of ${r.tasks} tasks run, ${r.completed} checkpoints completed, ` +
  `${r.restoredFrom.is === 'point' ? `restored from ${r.restoredFrom.path}` : r.restoredFrom.is === 'nothing' ? 'started from nothing' : 'its start was not seen'}` +
  `${r.firstFault === null ? '' : `; first fault: ${r.firstFault}`}`;

function fetched(p: Pointers): Found {
  const paths = new Set(
    p.sources.flatMap((s) => (s.points.is === 'present' ? s.points.value : [])).map((x) => x.path),
  );
  const blind = p.sources.filter((s) => s.points.is === 'unknown').length;
  return {
    text: `${paths.size} restore points of ${p.lineage.length} runs${blind === 0 ? '' : `; ${blind} sources could not be looked at`}`,
    findings: p.sources.map((s) =>
      line(`${s.source} (${s.where})`, s.points, 'names none', (points) =>
        points.length === 0 ? 'names none' : points.map((x) => x.path).join(', '),
      ),
    ),
  };
}

function read(v: Verdict, path: string): Found {
  if (v.is === 'sound') return { text: `${path} is sound`, findings: factsOf(v.facts) };
  return {
    text: `${path} is ${v.is}: ${v.reasons[0]?.message ?? 'no reason was recorded'}`,
    findings: v.reasons.map((r) => ({ of: r.where ?? path, is: v.is, text: `${r.code}: ${r.message}` })),
  };
}

/** What was verified of a sound point. */
export const factsOf = (f: SnapshotFacts): readonly Finding[] => [
  {
    of: 'files',
    is: 'sound',
    text: `${f.files} files with ${f.bytes} bytes, all there with the right length`,
  },
  {
    of: 'metadata',
    is: 'sound',
    text: `format ${f.formatVersion}, checkpoint ${f.checkpointId}, ${f.operators} operators, SHA-256 ${f.sha256}`,
  },
  note('Kafka positions', `${f.partitions} partitions${positionsText(f)}`),
  ...f.claimHazards.map((hazard) => note('NO_CLAIM', hazard)),
];

const positionsText = ({ positions }: SnapshotFacts): string =>
  positions.length === 0
    ? ''
    : `: ${positions
        .slice(0, 10)
        .map((p) => `${p.topic}/${p.partition} from ${p.next}`)
        .join(', ')}${positions.length > 10 ? ', …' : ''}`;

function checked(reading: Reading<OffsetCheck>): Found {
  if (reading.is === 'absent') return { text: 'no Kafka source is configured', findings: [] };
  if (reading.is === 'unknown')
    return {
      text: `it is not known: ${reading.because.message}`,
      findings: [{ of: 'Kafka', is: 'unknown', text: faultText(reading.because) }],
    };
  const c = reading.value;
  const lost = c.gone.length + c.replaced.length;
  const findings: Finding[] = [
    note(
      'positions',
      `${c.inRange} in range, ${c.markers} that Flink resolves itself, ${c.added} partitions added since`,
    ),
    note('to replay', `${c.toReplay} records`),
    ...c.gone.map(
      (g) =>
        ({ of: `${g.topic}/${g.partition}`, is: 'absent', text: `${g.records} records are gone` }) as const,
    ),
    ...c.replaced.map((why) => ({ of: 'log', is: 'broken', text: why }) as const),
  ];
  if (c.expires !== null)
    findings.push(
      note(
        'time left',
        `${c.expires.topic}/${c.expires.partition} loses its first needed record in ${seconds(c.expires.inMs)} s`,
      ),
    );
  if (c.transactions !== null)
    findings.push(
      note(
        'transactions of the sink',
        `the outage lasts ${seconds(c.transactions.outageMs)} s, they expire after ${seconds(c.transactions.timeoutMs)} s`,
      ),
    );
  return {
    text:
      lost === 0
        ? 'Kafka still holds what follows'
        : `Kafka no longer holds all that follows (${lost} objections)`,
    findings,
  };
}

function offsetsResumed(r: ResumedOffsets): Found {
  if (r.left === null)
    return {
      text: `group ${r.group ?? ''}: ${r.committed} partitions now stand at the positions of the state`,
      findings: [note('before', r.before.join(', ') || 'the group had no offsets')],
    };
  return {
    text: `nothing was changed: ${r.left}`,
    findings: r.fault === null ? [] : [{ of: r.group ?? 'group', is: 'unknown', text: faultText(r.fault) }],
  };
}

function startSet({ start, groupOffsets }: StartSet): Found {
  const { text, findings } = offsetsResumed(groupOffsets);
  return { text, findings: [note('starts at', brief(start)), ...findings] };
}

function stopped(o: StopOutcome): Found {
  if (o.is === 'not done') return { text: `not stopped: ${o.because}`, findings: [] };
  const { run, savepoint, because } = o.stop;
  const findings = savepoint === null ? [] : [note('savepoint', `${savepoint}, verified before`)];
  return { text: `run ${run} is stopped: ${because}`, findings };
}

function submitted({ is, state }: { readonly is: string; readonly state: string | null }): Found {
  switch (is) {
    case 'accepted':
      return { text: 'Flink accepted it', findings: [] };
    case 'duplicate':
      return {
        text: `Flink has this run already${state === null ? '' : `, ${state}`}: an earlier call was taken`,
        findings: [],
      };
    case 'ended':
      return { text: `this run id was used, and its run is ${state ?? 'over'}`, findings: [] };
    default:
      return { text: is, findings: [] };
  }
}

function confirmed(c: Confirmed): Found {
  switch (c.is) {
    case 'proved': {
      const skipped = c.skipped ?? [];
      const proofs = c.proofs.map((text) => ({ of: 'proof', is: 'proof', text }) as const);
      if (skipped.length === 0) return { text: 'it resumed', findings: proofs };
      const lost = skipped.map((r) => ({ of: 'not read', is: 'broken', text: sayRange(r) }) as const);
      return { text: 'it resumed with a gap: records were not read', findings: [...proofs, ...lost] };
    }
    case 'dead':
      return { text: c.fault.message, findings: [] };
    case 'unproven':
      return {
        text: `not proved in time, and never submitted again while tasks run: ${c.missing}`,
        findings: [],
      };
  }
}

function examined(c: RepairCheck): Found {
  switch (c.is) {
    case 'ready':
      return {
        text: 'every precondition holds',
        findings: c.proofs.map((text) => ({ of: 'proof', is: 'proof', text })),
      };
    case 'wait':
      return { text: `not yet: ${c.because.message}`, findings: [] };
    case 'over':
      return { text: `nothing to repair: ${c.because}`, findings: [] };
    case 'forbidden':
      return { text: `must not be repaired: ${c.because}`, findings: [] };
  }
}

function repaired(o: RepairOutcome): Found {
  switch (o.is) {
    case 'repaired': {
      const { from, to, was, proofs } = o.repair;
      return {
        text: `${from} was renamed to ${to}`,
        findings: [
          note('before', `${from} with ${was.length} bytes of ${new Date(was.modified).toISOString()}`),
          note('undo', `rename ${to} back to ${from}`),
          ...proofs.map((text) => ({ of: 'proof', is: 'proof', text }) as const),
        ],
      };
    }
    case 'started': {
      const { leader, proofs } = o.start;
      return {
        text: `the JobManager was started; ${leader === null ? 'within a minute nobody led' : `${leader} leads`}`,
        findings: proofs.map((text) => ({ of: 'proof', is: 'proof', text })),
      };
    }
    case 'not done':
      return { text: `nothing was done. ${examined(o.check).text}`, findings: [] };
    case 'failed':
      return { text: faultText(o.fault), findings: [] };
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000);

/** A value that nobody explains, as it was recorded. */
const brief = (value: unknown): string =>
  value === undefined ? 'done' : JSON.stringify(value).slice(0, 500);
