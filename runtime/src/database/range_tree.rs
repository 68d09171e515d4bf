//! [`RangeTree`]: half-open byte-key ranges and the tokens that read them, searched by a key they contain.
//!
//! An AVL tree ordered by (start, end) in which every node also knows the range with the greatest end below
//! it. A range contains a key when it starts at or before the key and ends after it: subtrees that end too
//! early are skipped by the second, everything right of the key by the first. Equal ranges are one node, so a
//! thousand tokens of one range cost one node and a set. Nodes live in one vector and are named by their
//! place in it, which a token remembers; relinking never moves a node.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::interval_index::TokenId;

/// The place of a range in its tree; stable until the range's last token has gone.
pub(super) type NodeId = u32;

const NIL: NodeId = NodeId::MAX;

/// The tokens of one interval: nearly always one.
#[derive(Debug)]
pub(super) enum Members {
    /// A single token.
    One(TokenId),
    /// Several, or none any more.
    #[expect(clippy::box_collection, reason = "one word instead of six in every interval with one token")]
    Many(Box<HashSet<TokenId>>),
}

impl Members {
    /// Adds a token; whether it was new.
    pub(super) fn insert(&mut self, token: TokenId) -> bool {
        match self {
            Self::One(only) if *only == token => false,
            Self::One(only) => {
                *self = Self::Many(Box::new(HashSet::from([*only, token])));
                true
            }
            Self::Many(tokens) => tokens.insert(token),
        }
    }

    /// Removes a token; whether none is left.
    pub(super) fn remove(&mut self, token: TokenId) -> bool {
        match self {
            Self::One(only) => *only == token,
            Self::Many(tokens) => {
                tokens.remove(&token);
                if let (1, Some(only)) = (tokens.len(), tokens.iter().next().copied()) {
                    *self = Self::One(only);
                    return false;
                }
                tokens.is_empty()
            }
        }
    }

    /// Calls `found` with each token.
    pub(super) fn for_each(&self, found: &mut impl FnMut(TokenId)) {
        match self {
            Self::One(only) => found(*only),
            Self::Many(tokens) => tokens.iter().copied().for_each(found),
        }
    }
}

#[derive(Debug)]
struct Node {
    start: Box<[u8]>,
    /// `None` is unbounded, which is after every key.
    end: Option<Box<[u8]>>,
    members: Members,
    left: NodeId,
    right: NodeId,
    /// The node with the greatest end in this subtree: its id, so that no key is stored twice.
    latest: NodeId,
    height: u8,
}

/// The ranges of one index.
#[derive(Debug)]
pub(super) struct RangeTree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    root: NodeId,
}

impl Default for RangeTree {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NIL }
    }
}

impl RangeTree {
    pub(super) const fn is_empty(&self) -> bool {
        self.root == NIL
    }

    /// Adds a token to a range; the range's place if the token was not there yet.
    pub(super) fn insert(&mut self, start: &[u8], end: Option<&[u8]>, token: TokenId) -> Option<NodeId> {
        let mut at = self.root;
        while at != NIL {
            let node = self.node_mut(at);
            at = match compare(start, end, &node.start, node.end.as_deref()) {
                Ordering::Less => node.left,
                Ordering::Greater => node.right,
                Ordering::Equal => return node.members.insert(token).then_some(at),
            };
        }
        let node = Node {
            start: start.into(),
            end: end.map(Into::into),
            members: Members::One(token),
            left: NIL,
            right: NIL,
            latest: NIL,
            height: 1,
        };
        let id = match self.free.pop() {
            Some(id) => {
                *self.node_mut(id) = node;
                id
            }
            None => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as NodeId
            }
        };
        self.node_mut(id).latest = id;
        self.root = self.link(self.root, id);
        Some(id)
    }

    /// Removes a token from the range at `id`, and the range with its last token.
    pub(super) fn remove(&mut self, id: NodeId, token: TokenId) {
        if !self.node_mut(id).members.remove(token) {
            return;
        }
        self.root = self.unlink(self.root, id);
        let node = self.node_mut(id);
        node.start = Box::default();
        node.end = None;
        node.members = Members::One(token);
        self.free.push(id);
    }

    /// Calls `found` with the tokens of every range that contains `key`. A token of several ranges is
    /// reported for each. Costs O(log n) and at most O(log n) per range found.
    pub(super) fn stab(&self, key: &[u8], found: &mut impl FnMut(TokenId)) {
        self.stab_below(self.root, key, found);
    }

    fn stab_below(&self, mut at: NodeId, key: &[u8], found: &mut impl FnMut(TokenId)) {
        while at != NIL {
            let node = self.node(at);
            if !ends_after(self.node(node.latest).end.as_deref(), key) {
                return;
            }
            self.stab_below(node.left, key, found);
            if &*node.start > key {
                return;
            }
            if ends_after(node.end.as_deref(), key) {
                node.members.for_each(found);
            }
            at = node.right;
        }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    /// Hangs the new node `id` below `root`; returns the subtree's new root.
    fn link(&mut self, root: NodeId, id: NodeId) -> NodeId {
        if root == NIL {
            return id;
        }
        match self.order(id, root) {
            Ordering::Less => {
                let left = self.link(self.node(root).left, id);
                self.node_mut(root).left = left;
            }
            Ordering::Equal | Ordering::Greater => {
                let right = self.link(self.node(root).right, id);
                self.node_mut(root).right = right;
            }
        }
        self.balanced(root)
    }

    /// Takes the node `id` out from below `root`; returns the subtree's new root.
    fn unlink(&mut self, root: NodeId, id: NodeId) -> NodeId {
        if root == NIL {
            return NIL;
        }
        let Node { left, right, .. } = *self.node(root);
        match self.order(id, root) {
            Ordering::Less => {
                let left = self.unlink(left, id);
                self.node_mut(root).left = left;
            }
            Ordering::Greater => {
                let right = self.unlink(right, id);
                self.node_mut(root).right = right;
            }
            Ordering::Equal if left == NIL => return right,
            Ordering::Equal if right == NIL => return left,
            Ordering::Equal => {
                let (first, rest) = self.unlink_first(right);
                let node = self.node_mut(first);
                node.left = left;
                node.right = rest;
                return self.balanced(first);
            }
        }
        self.balanced(root)
    }

    /// Takes the first node out from below `root`; returns it and the subtree's new root.
    fn unlink_first(&mut self, root: NodeId) -> (NodeId, NodeId) {
        let Node { left, right, .. } = *self.node(root);
        if left == NIL {
            return (root, right);
        }
        let (first, rest) = self.unlink_first(left);
        self.node_mut(root).left = rest;
        (first, self.balanced(root))
    }

    fn order(&self, a: NodeId, b: NodeId) -> Ordering {
        let (a, b) = (self.node(a), self.node(b));
        compare(&a.start, a.end.as_deref(), &b.start, b.end.as_deref())
    }

    /// Restores the invariants of `root`, whose children hold them but may differ by two in height.
    fn balanced(&mut self, root: NodeId) -> NodeId {
        let Node { left, right, .. } = *self.node(root);
        let (left_height, right_height) = (self.height(left), self.height(right));
        if left_height > right_height + 1 {
            if self.height(self.node(left).left) < self.height(self.node(left).right) {
                let left = self.rotate_left(left);
                self.node_mut(root).left = left;
            }
            return self.rotate_right(root);
        }
        if right_height > left_height + 1 {
            if self.height(self.node(right).right) < self.height(self.node(right).left) {
                let right = self.rotate_right(right);
                self.node_mut(root).right = right;
            }
            return self.rotate_left(root);
        }
        self.refresh(root);
        root
    }

    /// Lifts the right child above `root`.
    fn rotate_left(&mut self, root: NodeId) -> NodeId {
        let top = self.node(root).right;
        let middle = std::mem::replace(&mut self.node_mut(top).left, root);
        self.node_mut(root).right = middle;
        self.refresh(root);
        self.refresh(top);
        top
    }

    /// Lifts the left child above `root`.
    fn rotate_right(&mut self, root: NodeId) -> NodeId {
        let top = self.node(root).left;
        let middle = std::mem::replace(&mut self.node_mut(top).right, root);
        self.node_mut(root).left = middle;
        self.refresh(root);
        self.refresh(top);
        top
    }

    fn height(&self, id: NodeId) -> u8 {
        if id == NIL { 0 } else { self.node(id).height }
    }

    /// Computes height and latest end from the children.
    fn refresh(&mut self, id: NodeId) {
        let Node { left, right, .. } = *self.node(id);
        let height = 1 + self.height(left).max(self.height(right));
        let mut latest = id;
        for child in [left, right] {
            if child != NIL {
                let candidate = self.node(child).latest;
                let (end, best) = (self.node(candidate).end.as_deref(), self.node(latest).end.as_deref());
                if compare_ends(end, best).is_gt() {
                    latest = candidate;
                }
            }
        }
        let node = self.node_mut(id);
        node.height = height;
        node.latest = latest;
    }

    /// Checks order, heights, latest ends and reachability of every node.
    #[cfg(test)]
    pub(super) fn check(&self) {
        fn visit(tree: &RangeTree, id: NodeId, seen: &mut Vec<NodeId>) -> u8 {
            if id == NIL {
                return 0;
            }
            let node = tree.node(id);
            let left = visit(tree, node.left, seen);
            seen.push(id);
            let right = visit(tree, node.right, seen);
            assert!(left.abs_diff(right) <= 1, "unbalanced");
            assert_eq!(node.height, 1 + left.max(right), "stale height");
            1 + left.max(right)
        }
        let mut seen = Vec::new();
        visit(self, self.root, &mut seen);
        assert!(seen.windows(2).all(|pair| self.order(pair[0], pair[1]).is_lt()), "out of order");
        assert_eq!(seen.len() + self.free.len(), self.nodes.len(), "lost nodes");
    }
}

fn compare(a_start: &[u8], a_end: Option<&[u8]>, b_start: &[u8], b_end: Option<&[u8]>) -> Ordering {
    a_start.cmp(b_start).then_with(|| compare_ends(a_end, b_end))
}

fn compare_ends(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.cmp(b),
    }
}

fn ends_after(end: Option<&[u8]>, key: &[u8]) -> bool {
    end.is_none_or(|end| end > key)
}
