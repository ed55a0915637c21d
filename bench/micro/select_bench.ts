import { SelectSelector } from "../../mod.ts";
import { define } from "./cases.ts";

define("select", SelectSelector, 900); // descriptors end at FD_SETSIZE, 1024
