/// What a batch has of its worker while it runs.
package struct BatchShare: Hashable, Sendable {
    /// Numbers of slots, from 1, that no other batch of the worker has; at least one.
    package var slots: [Int]
    /// The system's numbers of GPUs that no other batch of the worker has.
    package var gpus: [Int]
    package var amounts: Amounts

    package init(slots: [Int], gpus: [Int] = [], amounts: Amounts = .oneCPU) {
        (self.slots, self.gpus, self.amounts) = (slots, gpus, amounts)
    }
}
