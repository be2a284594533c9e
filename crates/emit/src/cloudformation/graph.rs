//! Order in a directed graph: what must come before what, and what stands in a circle.

/// Strongly connected components, each after those it points to; members in ascending order. Without
/// recursion, so that a long chain is no danger.
pub(crate) fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let count = edges.len();
    let (mut index, mut low) = (vec![UNSEEN; count], vec![0; count]);
    let (mut on_stack, mut stack, mut out) = (vec![false; count], Vec::new(), Vec::new());
    let mut next = 0;
    let get = |list: &[usize], at: usize| list.get(at).copied().unwrap_or(UNSEEN);
    let set = |list: &mut [usize], at: usize, value: usize| {
        if let Some(place) = list.get_mut(at) {
            *place = value;
        }
    };
    for root in 0..count {
        if get(&index, root) != UNSEEN {
            continue;
        }
        let mut walk = vec![(root, 0)];
        while let Some((node, done)) = walk.pop() {
            if done == 0 {
                set(&mut index, node, next);
                set(&mut low, node, next);
                next += 1;
                stack.push(node);
                on_stack.get_mut(node).into_iter().for_each(|place| *place = true);
            } else if let Some(child) = edges.get(node).and_then(|edges| edges.get(done - 1)) {
                let lower = get(&low, node).min(get(&low, *child));
                set(&mut low, node, lower);
            }
            let mut at = done;
            let mut descend = None;
            while let Some(&child) = edges.get(node).and_then(|edges| edges.get(at)) {
                at += 1;
                if get(&index, child) == UNSEEN {
                    descend = Some(child);
                    break;
                }
                if on_stack.get(child) == Some(&true) {
                    let lower = get(&low, node).min(get(&index, child));
                    set(&mut low, node, lower);
                }
            }
            if let Some(child) = descend {
                walk.push((node, at));
                walk.push((child, 0));
                continue;
            }
            if get(&low, node) == get(&index, node) {
                let from = stack.iter().rposition(|member| *member == node).unwrap_or(0);
                let mut members = stack.split_off(from);
                for member in &members {
                    on_stack.get_mut(*member).into_iter().for_each(|place| *place = false);
                }
                members.sort_unstable();
                out.push(members);
            }
        }
    }
    out
}

/// A circle within one component: nodes, each of which points to the next, the last to the first. Found by
/// the shortest way back to the first node.
pub(crate) fn circle(edges: &[Vec<usize>], component: &[usize]) -> Vec<usize> {
    let Some(&start) = component.first() else { return Vec::new() };
    let mut came_from = vec![None; edges.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in edges.get(node).into_iter().flatten() {
            if next == start {
                let mut way = vec![node];
                while let Some(&before) = way.last()
                    && before != start
                {
                    let Some(&Some(before)) = came_from.get(before) else { break };
                    way.push(before);
                }
                way.reverse();
                return way;
            }
            if component.binary_search(&next).is_ok()
                && let Some(place @ None) = came_from.get_mut(next)
            {
                *place = Some(node);
                queue.push_back(next);
            }
        }
    }
    Vec::new()
}

/// The wave of each node: 0 for those that point nowhere, else one more than the latest it points to. Only
/// for graphs without circles.
pub(crate) fn waves(edges: &[Vec<usize>], components: &[Vec<usize>]) -> Vec<usize> {
    let mut wave = vec![0; edges.len()];
    for &node in components.iter().flatten() {
        let before = edges.get(node).into_iter().flatten().filter(|next| **next != node);
        let level = before.filter_map(|next| wave.get(*next)).max().map_or(0, |latest| latest + 1);
        wave.get_mut(node).into_iter().for_each(|place| *place = level);
    }
    wave
}

#[cfg(test)]
mod tests {
    use super::{circle, components, waves};

    #[test]
    fn components_come_after_what_they_point_to() {
        // 0 → 1 ⇄ 2 → 3, 4 alone
        let edges = vec![vec![1], vec![2], vec![1, 3], vec![], vec![]];
        let found = components(&edges);
        assert_eq!(found, vec![vec![3], vec![1, 2], vec![0], vec![4]]);
        assert_eq!(circle(&edges, &[1, 2]), vec![1, 2]);
    }

    #[test]
    fn waves_count_the_longest_way_down() {
        let edges = vec![vec![1, 2], vec![2], vec![], vec![0, 2]];
        assert_eq!(waves(&edges, &components(&edges)), vec![2, 1, 0, 3]);
    }

    #[test]
    fn a_long_chain_does_not_recurse() {
        let edges: Vec<Vec<usize>> =
            (0..200_000).map(|at| if at > 0 { vec![at - 1] } else { vec![] }).collect();
        assert_eq!(components(&edges).len(), 200_000);
    }
}
