/** A start without any restore point: a person's word, carried out. */
import type { Evidence } from '../domain/evidence.js';
import type { Next } from '../domain/next.js';
import { keepFirst } from '../domain/group-offsets.js';
import { NOTHING, type FromNothing } from '../domain/kafka-from.js';
import { openedOf, type Case } from './case.js';
import * as steps from './steps.js';
import { tell } from './story.js';
import { exceptGroup } from '../domain/witness.js';
import { launch, own, type Outcome } from './submission.js';

/** What a person has said meanwhile, or with the start of the case. The last word counts. */
export function heardFromNothing(the: Case): FromNothing | null {
  const { fromNothing } = the.desk;
  if (fromNothing) {
    the.fromNothing = fromNothing;
    the.chosen = null;
    // It was a word to go on as well, and this look is where it goes on: no later wait ends by it.
    the.desk = { ...the.desk, fromNothing: null, retryNow: null };
  }
  return the.fromNothing;
}

/** The group's offsets first: nothing else says where the job begins. Then one submission, and its proof. */
export async function startFromNothing(
  the: Case,
  { from, gaveUp }: Extract<Next, { do: 'start' }>,
  e: Evidence,
): Promise<Outcome> {
  const { job } = openedOf(the);
  tell(the, 'resuming offsets', 'setStart', e);
  const input = { job, kafkaFrom: from.kafkaFrom, gaveUp: gaveUp.map((g) => g.path) };
  const set = await steps.setStart(input, `Kafka from ${from.kafkaFrom}: ${from.by}, ${from.reason}`);
  the.still = exceptGroup(the.still);
  the.groupOffsets = keepFirst(the.groupOffsets, set.groupOffsets);
  if (the.desk.hold !== null || the.desk.abort !== null || the.desk.fromNothing) return { is: 'again' };
  the.starting = { ...from, gaveUp };
  const { start } = set;
  const still = the.still === null ? {} : { still: the.still };
  return launch(the, e, { point: NOTHING, start }, (run, inDoubt) =>
    steps.startJob(
      { job, run, from, start, submitted: the.submitted, inDoubt, ...still, ...own(the) },
      `start from nothing as run ${run}: ${from.by}, ${from.reason}`,
    ),
  );
}
