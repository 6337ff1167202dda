/** `caseFile(history)`: the record of one case, from what Temporal recorded. */
import type { CaseFile } from '../domain/case-file/shape.js';
import { foldCase } from '../domain/case-file/fold.js';
import { decodeHistory } from './history.js';

export type { CaseFile } from '../domain/case-file/shape.js';
export { CASE_FILE_FORMAT } from '../domain/case-file/shape.js';

/**
 * The case file of a history: decoded here, folded by a pure function. Never throws: what a truncated or foreign history
 * does not tell is named in {@link CaseFile.missing}.
 * @param history one execution, or all executions of a case, oldest first; each as the SDK fetches it, or as the JSON
 * that the SDK, the Temporal UI and its CLI write.
 */
export const caseFile = (history: unknown): CaseFile =>
  foldCase((Array.isArray(history) ? history : [history]).map(decodeHistory));
