import type { Call } from '../adapters/ports.js';
import {
  asideName,
  checkRepair,
  type EmptyJobResult,
  type RepairRequest,
  type RepairOutcome,
} from '../domain/repair.js';
import type { Deps } from './deps.js';
import { lookAtDeadEnd, storageOf } from './examine-dead-end.js';

/** A repair that a person has approved. */
export interface RepairInput extends RepairRequest {
  readonly deadEnd: EmptyJobResult;
}

/**
 * Checks every precondition once more, then renames the empty job result aside. Observes before it acts: cut off after
 * the rename, the same call finds what it did.
 * @throws the fault of the rename when its outcome could not be confirmed.
 */
export async function repairDeadEnd(
  deps: Deps,
  input: RepairInput,
  signal: AbortSignal,
): Promise<RepairOutcome> {
  const { deadEnd, modified } = input;
  const call: Call = { signal };
  const storage = storageOf(deps, deadEnd);
  const to = asideName(deadEnd, modified);
  const done = (proofs: readonly string[]): RepairOutcome => ({
    is: 'repaired',
    repair: {
      deadEnd,
      at: deps.ports.clock.now(),
      from: deadEnd.path,
      to,
      was: { length: 0, modified },
      proofs,
    },
  });

  const look = await lookAtDeadEnd(deps, input, signal);
  if (look.file.is === 'absent' && look.storage === null) {
    const aside = await storage.stat(to, call);
    if (aside.is === 'present' && aside.value.length === 0) return done([`the file lies aside at ${to}`]);
  }
  const check = checkRepair(deadEnd, look);
  if (check.is !== 'ready') return { is: 'not done', check };
  if (check.modified !== modified) {
    const because = `${deadEnd.path} is not the file that was approved: it was written anew`;
    return { is: 'not done', check: { is: 'over', because } };
  }
  await storage.setAside(deadEnd.path, to, call);
  return done(check.proofs);
}
