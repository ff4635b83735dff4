/// What a worker has, what it asks for, and what it holds, as far as its coordinator knows: whether it idles, and what it has room for.
package struct WorkerLoad: Hashable, Sendable {
    package let means: Resources
    /// By calls that are held: there is nothing that waits for it. Nil: it does not ask.
    package let asks: Amounts?
    /// What it can run, as it said when it last asked; nil: it never did.
    package var kernels: Set<String>?
    /// False: it is granted nothing.
    package var isGrantable = true
    /// Of what it holds: what ends soon, as far as was measured, and the rest, with what it says itself that it holds.
    package var ending = Amounts()
    package var held = Amounts()
    package var holdsAny = false

    package init(means: Resources, asks: Amounts?) { (self.means, self.asks) = (means, asks) }

    /// It holds nothing, and asks for all that it has: nothing less says so. After its coordinator's beginning nobody knows what it holds from before.
    package var isIdle: Bool { !holdsAny && asks.map { $0.cpus >= means.amounts.cpus } ?? false }

    /// Slots of which nobody knows what becomes of them: it neither asks for them nor holds anything there.
    package var unheardSlots: Int { means.amounts.cpus - held.cpus - ending.cpus - (asks?.cpus ?? 0) }

    /// What is free, or will be soon; nil: it is granted nothing. `isHeard`: what it is not known to hold counts, as it asks for that in a moment;
    /// else what it asks for.
    package func room(isHeard: Bool) -> Amounts? {
        guard isGrantable else { return nil }
        let most = means.amounts - held
        return (isHeard ? most : ((asks ?? Amounts()) + ending).least(most)).notNegative
    }
}

extension Set where Element: Comparable {
    /// So many, in order.
    package func lowest(_ count: Int) -> [Element] {
        guard self.count > count else { return sorted() }
        var found: [Element] = []
        for element in self where found.count < count || element < found[count - 1] {
            found.insert(element, at: found.firstIndex { element < $0 } ?? found.count)
            if found.count > count { found.removeLast() }
        }
        return found
    }
}
