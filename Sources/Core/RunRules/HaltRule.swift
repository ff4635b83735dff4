/// When a run stops before its end: `--halt`.
///
/// As GNU parallel writes it: `never`, `now,fail=1`, `soon,fail=3`, `soon,success=1`, `now,done=5`, and with a percentage of all
/// tasks, `soon,fail=10%`; its short forms `0`, `1`, `2`, `-1`, `-2` and `10%`. Without `now` or `soon` it is `soon`.
package struct HaltRule: Hashable, Sendable {
    package enum When: String, Hashable, Sendable {
        /// What runs is ended.
        case now
        /// What runs may end; nothing more is started.
        case soon
    }

    package enum Event: String, Hashable, Sendable {
        case fail, success, done
    }

    package enum Amount: Hashable, Sendable {
        case tasks(Int)
        /// Of all tasks, 1 to 100: reached when so many are, no matter how few that is.
        case percent(Int)
    }

    package struct Condition: Hashable, Sendable {
        package var when: When
        package var event: Event
        package var amount: Amount

        /// How many tasks of so many it takes; at least one.
        package func threshold(of total: Int) -> Int {
            switch amount {
            case .tasks(let count): count
            case .percent(let percent): max(1, (total * percent + 99) / 100)
            }
        }

        /// How many of these are what it counts.
        package func counted(succeeded: Int, failed: Int) -> Int {
            switch event {
            case .fail: failed
            case .success: succeeded
            case .done: failed + succeeded
            }
        }

        /// Why a job was halted at which it counted so many, for people.
        package func reason(counted: Int) -> String {
            let what =
                switch event {
                case .fail: "failed"
                case .success: "succeeded"
                case .done: "ended"
                }
            return "\(HaltRule.reasonBegins) \(counted) of its tasks had \(what)"
        }

        /// As `HaltRule(parsing:)` reads it.
        package var text: String { HaltRule(condition: self).description }
    }

    /// Nil: never.
    package let condition: Condition?

    /// A job of which people are told something that begins so was ended by its rule.
    package static let reasonBegins = "halted, as"

    package static let never = HaltRule(condition: nil)

    private init(condition: Condition?) { self.condition = condition }

    /// Nil: it is no rule; `form` says what one is.
    package init?(parsing text: String) {
        let long = Self.short[text] ?? text
        if long == "never" {
            self.init(condition: nil)
            return
        }
        var rest = long.utf8.last == UInt8(ascii: "%") && !long.contains("=") ? "fail=" + long : long
        var when = When.soon
        if let comma = rest.firstIndex(of: ",") {
            guard let named = When(rawValue: String(rest[..<comma])) else { return nil }
            when = named
            rest = String(rest[rest.index(after: comma)...])
        }
        guard let equals = rest.firstIndex(of: "="), let event = Event(rawValue: String(rest[..<equals])),
            let amount = Amount(parsing: rest[rest.index(after: equals)...])
        else { return nil }
        self.init(condition: Condition(when: when, event: event, amount: amount))
    }

    package static let form =
        "never, or now or soon, a comma, and fail=N, success=N or done=N; N may be a percentage, as in 10%"

    /// What is longer than so many bytes is none, nor is what does not look like this.
    package static let bytesMax = 64
    package static let pattern =
        "^((now|soon),)?(fail|success|done)=0*[1-9][0-9]{0,17}$|^((now|soon),)?(fail|success|done)=0*([1-9][0-9]?|100)%$"

    private static let short = [
        "0": "never", "1": "soon,fail=1", "2": "now,fail=1", "-1": "soon,success=1", "-2": "now,success=1",
    ]
}

extension HaltRule.Amount {
    fileprivate init?(parsing text: Substring) {
        let digits = text.utf8.last == UInt8(ascii: "%") ? text.dropLast() : text
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits), number > 0 else {
            return nil
        }
        if digits.endIndex == text.endIndex {
            self = .tasks(number)
        } else {
            guard number <= 100 else { return nil }
            self = .percent(number)
        }
    }
}

extension HaltRule: CustomStringConvertible {
    package var description: String {
        guard let condition else { return "never" }
        let amount =
            switch condition.amount {
            case .tasks(let count): "\(count)"
            case .percent(let percent): "\(percent)%"
            }
        return "\(condition.when.rawValue),\(condition.event.rawValue)=\(amount)"
    }
}
