import { EpollSelector } from "../../mod.ts";
import { define } from "./cases.ts";

define("epoll", EpollSelector, 10_000);
