import { PollSelector } from "../../mod.ts";
import { define } from "./cases.ts";

define("poll", PollSelector, 10_000);
