package import MusterScheduling

/// Tickets that anybody can check by eye.
package struct PlainSealer: TicketSealer {
    package init() {}

    package func seal(_ key: LeaseKey) -> String { "\(key.job).\(key.first).\(key.count).\(key.attempt).\(key.member)" }
    package func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool { ticket == seal(key) }
}
