;; A memory of the module's own that starts out with text in it, written by data and by the start function.
(module
  (memory (export "memory") 1 3)
  (data (i32.const 8) "hello")
  (global $started (mut i32) (i32.const 0))
  (func $start (global.set $started (i32.const 5)) (i32.store8 (i32.const 13) (i32.const 33)))
  (start $start)
  (func (export "started") (result i32) (global.get $started))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2))))
