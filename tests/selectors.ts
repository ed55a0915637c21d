/** The selectors that this machine has, for the tests that hold each to the same facts. */

import { EpollSelector, PollSelector, SelectSelector } from "../mod.ts";

export const SELECTORS = [EpollSelector, PollSelector, SelectSelector].filter((S) =>
  S.isSupported()
);
