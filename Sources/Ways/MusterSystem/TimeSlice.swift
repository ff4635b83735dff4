internal import CSystem

/// How long the calling thread runs at a stretch while others want its processor too: sched_setattr(2). Linux 6.12 and later give
/// a thread of short slices its turn soon after it wakes; earlier ones take no notice. Threads and processes that it starts
/// inherit it.
package enum TimeSlice {
    /// For what answers many, briefly, beside what computes on the same machine.
    package static func short() { muster_set_time_slice(200_000) }
    /// The system's usual one for as long as `body` takes.
    package static func whileUsual<Result>(_ body: () -> Result) -> Result {
        let before = muster_time_slice()
        muster_set_time_slice(0)
        defer { muster_set_time_slice(before) }
        return body()
    }
}
