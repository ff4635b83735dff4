// A load generator in a process of its own. `muster-bench-members members PORT COUNT TOKEN` joins so many clients to a coordinator, each
// with a WebSocket over which it acknowledges and beats once a second; `streams …` does the same with held streams, and a connection
// of each for heartbeats; `subscribers PORT COUNT` subscribes to a Redis server; `pages PORT COUNT TOKEN` follows the overview as so
// many open pages do, and prints when each has what changed; `crowd PORT COUNT PATH BYTES`, `trickle …`, `ranges …` and `heads …` have
// so many clients ask for one thing at once, print how it went, and end. The others print {"joined":…} once all are there and
// {"received":…} as messages come in, until it is ended.

internal import Glibc

do {
    openManyFiles()
    let arguments = CommandLine.arguments
    let port = arguments.dropFirst(2).first.flatMap { UInt16($0) }
    let count = arguments.dropFirst(3).first.flatMap { Int($0) }
    switch (arguments.dropFirst().first, port, count) {
    case ("members", let port?, let count?) where arguments.count == 5 && count > 0:
        try Members(port: port, token: arguments[4], count: count).run()
    case ("streams", let port?, let count?) where arguments.count == 5 && count > 0:
        try StreamMembers(port: port, token: arguments[4], count: count).run()
    case ("pages", let port?, let count?) where arguments.count == 5 && count > 0:
        try Pages(port: port, token: arguments[4], count: count).run()
    case ("subscribers", let port?, let count?) where count > 0:
        try Subscribers(port: port, count: count).run()
    case (let kind?, let port?, let count?)
    where Crowd.Kind(rawValue: kind) != nil && arguments.count == 6 && count > 0:
        try Crowd(port: port, count: count, bytes: Int(arguments[5]) ?? 0, Crowd.Kind(rawValue: kind) ?? .crowd)
            .run(path: arguments[4])
    default:
        throw MembersError(
            "arguments are: members|streams|pages PORT COUNT TOKEN, subscribers PORT COUNT, or "
                + "crowd|trickle|ranges|heads PORT COUNT PATH BYTES")
    }
} catch {
    say("{\"failed\":\"\(error)\"}")
    exit(1)
}
