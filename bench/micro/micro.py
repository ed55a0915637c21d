"""The cases of cases.ts on CPython's selectors.

Prints the nanoseconds of the named mechanisms as one JSON object.
"""

import json
import os
import selectors
import sys
import time

LEAST_SECONDS = 0.2

results = {}


def measure(name, body):
    times = 1
    while True:
        start = time.perf_counter()
        for _ in range(times):
            body()
        seconds = time.perf_counter() - start
        if seconds >= LEAST_SECONDS:
            break
        times *= 2
    results[name] = seconds / times * 1e9


def measure_all(mechanism, Selector, fds, fd, waker):
    empty = Selector()

    def register():
        empty.register(fd, selectors.EVENT_READ, 1)
        empty.unregister(fd)

    measure(f"{mechanism}: register, unregister", register)

    one = Selector()
    one.register(fd, selectors.EVENT_READ, 1)
    data = 0

    def modify_data():
        nonlocal data
        data += 1
        one.modify(fd, selectors.EVENT_READ, data)

    measure(f"{mechanism}: modify data", modify_data)
    events = selectors.EVENT_READ

    def modify_events():
        nonlocal events
        events ^= selectors.EVENT_READ | selectors.EVENT_WRITE
        one.modify(fd, events, 1)

    measure(f"{mechanism}: modify events", modify_events)

    for ready in 0, 1, 100, len(fds):
        selector = Selector()
        for at, each in enumerate(fds):
            selector.register(each, selectors.EVENT_WRITE if at < ready else selectors.EVENT_READ, at)

        def select():
            total = 0
            for key, _ in selector.select(0):
                total += key.data
            assert total == ready * (ready - 1) // 2

        measure(f"{mechanism}: select(0), {ready} ready of {len(fds)}", select)

    woken = Selector()
    woken.register(waker, selectors.EVENT_READ, 0)

    def wakeup():
        os.eventfd_write(waker, 1)
        woken.select()
        os.eventfd_read(waker)

    measure(f"{mechanism}: wakeup, select", wakeup)


fd = os.eventfd(0)
waker = os.eventfd(0)
fds = [os.eventfd(0) for _ in range(10_000)]
for mechanism in sys.argv[1:]:
    if mechanism == "epoll":
        measure_all(mechanism, selectors.EpollSelector, fds, fd, waker)
    elif mechanism == "poll":
        measure_all(mechanism, selectors.PollSelector, fds, fd, waker)
    elif mechanism == "select":
        measure_all(mechanism, selectors.SelectSelector, fds[:900], fd, waker)
print(json.dumps(results))
