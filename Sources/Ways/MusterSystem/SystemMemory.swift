internal import CSystem

/// The memory of this process as the system counts it.
package enum SystemMemory {
    /// What was freed after a rush goes back to the system: the allocator would keep it. Takes a millisecond or so.
    package static func giveBack() { muster_give_back_memory() }
}
