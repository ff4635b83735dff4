package import MusterRole
internal import MusterScheduling
internal import Synchronization

extension Spawner {
    package func addMetrics(to page: inout MetricsPage) {
        state.withLock { state in
            let counters = state.children.counters
            page.add("numbers_unique", "gauge", "Different numbers that children brought.", state.unique)
            page.add("numbers_received", "gauge", "Numbers that children brought.", state.received)
            page.add("numbers_rejected", "gauge", "Lines of children that were no number.", state.rejected)
            page.add("children_waiting", "gauge", "Children in line.", state.children.waitingCount)
            page.add("children_live", "gauge", "Children that run.", state.children.liveCount)
            page.add("children_launched_total", "counter", "Children started, repeats included.", counters.launched)
            page.add(
                "children_died_total", "counter", "Children that ended before their numbers were in.", counters.died)
            page.add("children_failed_total", "counter", "Children given up.", counters.failed)
            page.add("children_cancelled_total", "counter", "Children called off.", counters.cancelled)
            page.add("workers_wanted", "gauge", "Workers to be launched.", state.pool.wanted)
            page.add("workers_launched", "gauge", "Launched workers that run.", state.pool.runningCount)
        }
    }
}
